#define UNW_LOCAL_ONLY
#include "base/stacks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libunwind.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

#define MAX_FRAMES 64
#define OWN_FRAMES 2 /* the handler, and what the kernel returns to */
#define ANSWER_TIMEOUT_S 1

/* The one thread that is asked now. Its handler writes here, so there is one for the program. */
static struct {
	atomic_int wanted; /* its id; 0: nobody */
	int count;
	void *frames[MAX_FRAMES];
	sem_t answered;
} asked;

static int ask_signal(void)
{
	return SIGRTMIN + 5;
}

/* In the asked thread. A late answer, after the time-out, finds another one wanted and says nothing. */
static void on_asked(int number)
{
	int saved = errno;
	int self = (int)syscall(SYS_gettid);
	if (atomic_load(&asked.wanted) == self) {
		asked.count = unw_backtrace(asked.frames, MAX_FRAMES);
		if (atomic_compare_exchange_strong(&asked.wanted, &self, 0))
			sem_post(&asked.answered);
	}
	errno = saved;
}

static void append_frame(struct buf *out, int number, void *address)
{
	char name[256] = "?";
	unw_word_t offset = 0;
	unw_context_t context;
	unw_cursor_t cursor;
	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	unw_set_reg(&cursor, UNW_REG_IP, (unw_word_t)address);
	unw_get_proc_name(&cursor, name, sizeof(name), &offset);
	buf_appendf(out, "  #%-2d %p %s+0x%lx\n", number, address, name, (unsigned long)offset);
}

static void append_thread(struct buf *out, int thread)
{
	char path[64], name[32] = "?";
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", thread);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);
	if (fd >= 0)
		close(fd);
	if (n > 0)
		name[strcspn(name, "\n")] = '\0';
	buf_appendf(out, "thread %d (%s)\n", thread, name);
}

static void write_thread(int fd, int thread)
{
	struct buf out = BUF_INIT;
	append_thread(&out, thread);
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += ANSWER_TIMEOUT_S;
	atomic_store(&asked.wanted, thread);
	int rc = (int)syscall(SYS_tgkill, getpid(), thread, ask_signal());
	while (rc == 0 && (rc = sem_timedwait(&asked.answered, &deadline)) < 0 && errno == EINTR)
		;
	if (rc == 0) {
		for (int i = OWN_FRAMES; i < asked.count; i++)
			append_frame(&out, i - OWN_FRAMES, asked.frames[i]);
	} else {
		atomic_store(&asked.wanted, 0);
		buf_append_cstr(&out, "  no answer: it is in the kernel, or ending\n");
	}
	ssize_t ignored = out.failed ? 0 : write(fd, out.data, out.len);
	(void)ignored;
	buf_release(&out);
}

void stacks_write(int fd)
{
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
		int thread = (int)strtol(entry->d_name, NULL, 10);
		if (thread > 0)
			write_thread(fd, thread);
	}
	if (tasks)
		closedir(tasks);
}

static void *wait_for_signal(void *arg)
{
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR2);
	for (;;) {
		int got;
		if (sigwait(&wanted, &got) == 0)
			stacks_write(STDERR_FILENO);
	}
	return NULL;
}

int stacks_start(struct error *err)
{
	sigset_t blocked;
	pthread_t thread;
	struct sigaction action = {.sa_handler = on_asked, .sa_flags = SA_RESTART};
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sem_init(&asked.answered, 0, 0);
	if (pthread_sigmask(SIG_BLOCK, &blocked, NULL) != 0 ||
	    sigaction(ask_signal(), &action, NULL) < 0 ||
	    pthread_create(&thread, NULL, wait_for_signal, NULL) != 0)
		return error_set_errno(err, STATUS_IO, errno, "cannot prepare for SIGUSR2");
	pthread_setname_np(thread, "stacks");
	pthread_detach(thread);
	return 0;
}
