#include "store/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/engine_lock.h"

#define DEFAULT_GRACE_MS 10000
/* Back-off: the first restart at once, then doubling. */
#define FIRST_DELAY_MS 100
/* Of one that did not even become ready, which waiting may help (a full disk); else a crash. */
#define LONGEST_DELAY_MS 30000
#define LONGEST_CRASH_DELAY_MS 1000
/* An engine that was ready this long has recovered: back-off begins anew. */
#define RECOVERED_NS (5 * NS_PER_SECOND)
#define READY_FD 3

struct line_reader {
	int fd; /* -1: closed */
	size_t len;
	char text[2048];
};

struct supervisor {
	char *program, *data, *listen, *libchdb, *config_file;
	uint64_t memory_limit;
	unsigned grace_ms;
	pthread_t thread;
	int wake_fd;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct supervisor_status status;
	bool stopping;

	/* The thread's own. */
	int pidfd;
	struct line_reader log, ready;
	int64_t ready_since;
	unsigned delay_ms;
	char last_words[300];
};

const char *supervisor_state_name(enum supervisor_state state)
{
	static const char *const names[] = {"starting", "ready", "waiting", "stopped"};
	return names[state];
}

static void set_state(struct supervisor *s, enum supervisor_state state, pid_t pid)
{
	pthread_mutex_lock(&s->lock);
	s->status.state = state;
	s->status.pid = pid;
	s->status.since_ns = clock_monotonic_ns();
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void set_error(struct supervisor *s, const char *text)
{
	pthread_mutex_lock(&s->lock);
	snprintf(s->status.last_error, sizeof(s->status.last_error), "%s", text);
	pthread_mutex_unlock(&s->lock);
}

static bool is_stopping(struct supervisor *s)
{
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* --- what the engine says ----------------------------------------------------------- */

/*
 * A line of the engine's own log ("2026-11-21T09:54:03.901Z info  message") keeps its
 * level; the library's output has none.
 */
static void relay_line(struct supervisor *s, const char *line)
{
	static const char *const names[] = {"debug", "info ", "warn ", "error"};
	const size_t stamp = strlen("2026-11-21T09:54:03.901Z ");
	enum log_level level = LOG_LEVEL_WARN;
	const char *text = line;
	if (strlen(line) > stamp + 6 && line[stamp - 2] == 'Z') {
		for (int i = 0; i < 4; i++) {
			if (strncmp(line + stamp, names[i], 5) == 0) {
				level = (enum log_level)i;
				text = line + stamp + 6;
			}
		}
	}
	char message[sizeof(s->log.text) + 16];
	snprintf(message, sizeof(message), "engine: %s", text);
	log_write(level, message, NULL, 0);
	if (level >= LOG_LEVEL_WARN)
		snprintf(s->last_words, sizeof(s->last_words), "%s", text);
}

static void take_ready_line(struct supervisor *s, const char *line)
{
	if (strncmp(line, "ready ", 6) != 0)
		return;
	s->ready_since = clock_monotonic_ns();
	pthread_mutex_lock(&s->lock);
	snprintf(s->status.address, sizeof(s->status.address), "%s", line + 6);
	pid_t pid = s->status.pid;
	pthread_mutex_unlock(&s->lock);
	set_state(s, SUPERVISOR_READY, pid);
}

/* Reads what is there; a line longer than the buffer is cut in pieces. */
static void read_lines(struct supervisor *s, struct line_reader *r,
		       void (*take)(struct supervisor *s, const char *line))
{
	ssize_t n = read(r->fd, r->text + r->len, sizeof(r->text) - 1 - r->len);
	if (n <= 0) {
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		close(r->fd);
		r->fd = -1;
		n = 0;
		if (r->len)
			r->text[r->len++] = '\n';
	}
	r->len += (size_t)n;
	char *at = r->text, *end = r->text + r->len;
	for (char *nl; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		*nl = '\0';
		if (nl > at)
			take(s, at);
	}
	r->len = (size_t)(end - at);
	memmove(r->text, at, r->len);
	if (r->len == sizeof(r->text) - 1) {
		r->text[r->len] = '\0';
		take(s, r->text);
		r->len = 0;
	}
}

/* --- starting ----------------------------------------------------------------------- */

#define MAX_ARGS 24

static int spawn(struct supervisor *s, int log_fd, int ready_fd, pid_t *pid)
{
	char memory[32];
	char *argv[MAX_ARGS] = {s->program,
				(char *)"engine",
				(char *)"--data",
				s->data,
				(char *)"--listen",
				s->listen,
				(char *)"--ready-fd",
				(char *)"3",
				(char *)"--die-with-parent"};
	int argc = 9;
	if (s->libchdb) {
		argv[argc++] = (char *)"--libchdb";
		argv[argc++] = s->libchdb;
	}
	if (s->config_file) {
		argv[argc++] = (char *)"--config";
		argv[argc++] = s->config_file;
	}
	if (s->memory_limit) {
		snprintf(memory, sizeof(memory), "%llu", (unsigned long long)s->memory_limit);
		argv[argc++] = (char *)"--memory";
		argv[argc++] = memory;
	}
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, log_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, log_fd, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&files, ready_fd, READY_FD);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int rc = posix_spawn(pid, s->program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* Both ends above READY_FD, so that no dup2 in the child hits one that is still needed. */
static bool make_pipe(int fds[2])
{
	int low[2];
	if (pipe2(low, O_CLOEXEC))
		return false;
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, READY_FD + 1);
		close(low[i]);
	}
	return fds[0] >= 0 && fds[1] >= 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool start_engine(struct supervisor *s)
{
	int log[2] = {-1, -1}, ready[2] = {-1, -1};
	pid_t pid = 0;
	char why[200];
	s->log.len = s->ready.len = 0;
	s->ready_since = 0;
	s->last_words[0] = '\0';
	int rc = make_pipe(log) && make_pipe(ready) ? 0 : errno;
	if (rc == 0)
		rc = spawn(s, log[1], ready[1], &pid);
	if (rc == 0) {
		s->pidfd = pidfd_open(pid, 0);
		if (s->pidfd < 0) {
			rc = errno;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
	close_fd(&log[1]);
	close_fd(&ready[1]);
	if (rc) {
		close_fd(&log[0]);
		close_fd(&ready[0]);
		char text[128];
		snprintf(why, sizeof(why), "cannot start %s: %s", s->program,
			 strerror_r(rc, text, sizeof(text)));
		log_error(why);
		set_error(s, why);
		return false;
	}
	s->log.fd = log[0];
	s->ready.fd = ready[0];
	set_state(s, SUPERVISOR_STARTING, pid);
	return true;
}

/* --- watching ----------------------------------------------------------------------- */

static void drain_wake(struct supervisor *s)
{
	uint64_t count;
	ssize_t n = read(s->wake_fd, &count, sizeof(count));
	(void)n;
}

/*
 * Until the engine has ended, or `deadline` (0: none) or, if `stoppable`, a stop is asked
 * for. True when it has ended.
 */
static bool watch(struct supervisor *s, int64_t deadline, bool stoppable)
{
	for (;;) {
		struct pollfd fds[] = {{s->log.fd, POLLIN, 0},
				       {s->ready.fd, POLLIN, 0},
				       {s->pidfd, POLLIN, 0},
				       {s->wake_fd, POLLIN, 0}};
		int wait_ms = -1;
		if (deadline) {
			int64_t left = deadline - clock_monotonic_ns();
			if (left <= 0)
				return false;
			wait_ms = (int)(left / NS_PER_MS) + 1;
		}
		if (poll(fds, 4, wait_ms) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			read_lines(s, &s->log, relay_line);
		if (fds[1].revents)
			read_lines(s, &s->ready, take_ready_line);
		if (fds[3].revents)
			drain_wake(s);
		if (stoppable && is_stopping(s))
			return false;
		/* Its last words come before the news of its end is taken. */
		if (fds[2].revents && !fds[0].revents)
			return true;
	}
}

/* Reaps the child and says why it ended. */
static void note_end(struct supervisor *s, bool expected)
{
	int status = 0;
	pid_t pid = s->status.pid;
	char why[480];
	waitpid(pid, &status, 0);
	close_fd(&s->pidfd);
	close_fd(&s->log.fd);
	close_fd(&s->ready.fd);
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "ended by signal %d (%s)%s%s", WTERMSIG(status),
			 sigdescr_np(WTERMSIG(status)), s->last_words[0] ? ": " : "",
			 s->last_words);
	else
		snprintf(why, sizeof(why), "ended with exit code %d%s%s", WEXITSTATUS(status),
			 s->last_words[0] ? ": " : "", s->last_words);
	if (expected) {
		log_info("engine stopped", LOG_INT("pid", pid));
	} else {
		log_error("engine ended by itself", LOG_INT("pid", pid), LOG_STR("why", why));
		set_error(s, why);
	}
}

static void stop_engine(struct supervisor *s)
{
	kill(s->status.pid, SIGTERM);
	int64_t deadline = clock_monotonic_ns() + (int64_t)s->grace_ms * NS_PER_MS;
	if (!watch(s, deadline, false)) {
		log_warn("engine does not stop and is killed", LOG_INT("pid", s->status.pid));
		kill(s->status.pid, SIGKILL);
		watch(s, 0, false);
	}
	note_end(s, true);
}

/* Waits out the back-off; false when a stop was asked for. */
static bool back_off(struct supervisor *s)
{
	if (s->ready_since && clock_monotonic_ns() - s->ready_since > RECOVERED_NS)
		s->delay_ms = 0;
	int64_t deadline = clock_monotonic_ns() + (int64_t)s->delay_ms * NS_PER_MS;
	if (s->delay_ms)
		log_info("engine will be started again", LOG_INT("in_ms", s->delay_ms));
	s->delay_ms = s->delay_ms ? s->delay_ms * 2 : FIRST_DELAY_MS;
	unsigned longest = s->ready_since ? LONGEST_CRASH_DELAY_MS : LONGEST_DELAY_MS;
	if (s->delay_ms > longest)
		s->delay_ms = longest;
	set_state(s, SUPERVISOR_WAITING, 0);
	while (!is_stopping(s)) {
		int64_t left = deadline - clock_monotonic_ns();
		if (left <= 0)
			return true;
		struct pollfd wake = {s->wake_fd, POLLIN, 0};
		if (poll(&wake, 1, (int)(left / NS_PER_MS) + 1) > 0)
			drain_wake(s);
	}
	return false;
}

static bool clear_directory(struct supervisor *s)
{
	struct error err;
	if (engine_lock_clear(s->data, s->grace_ms, &err) == 0)
		return true;
	log_error(err.message);
	set_error(s, err.message);
	return false;
}

static void *supervise(void *arg)
{
	struct supervisor *s = arg;
	bool first = true;
	while (!is_stopping(s)) {
		if (!first) {
			pthread_mutex_lock(&s->lock);
			s->status.restarts++;
			pthread_mutex_unlock(&s->lock);
		}
		first = false;
		if (clear_directory(s) && start_engine(s)) {
			if (!watch(s, 0, true)) {
				stop_engine(s);
				break;
			}
			note_end(s, false);
		}
		if (!back_off(s))
			break;
	}
	set_state(s, SUPERVISOR_STOPPED, 0);
	return NULL;
}

/* --- for the others ----------------------------------------------------------------- */

static void supervisor_free(struct supervisor *s)
{
	close_fd(&s->wake_fd);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->program);
	free(s->data);
	free(s->listen);
	free(s->libchdb);
	free(s->config_file);
	free(s);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int supervisor_start(struct supervisor **out, const struct supervisor_options *o, struct error *err)
{
	struct supervisor *s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the supervisor");
	s->pidfd = s->log.fd = s->ready.fd = -1;
	s->program = copy(o->program ? o->program : "/proc/self/exe");
	s->data = copy(o->data);
	s->listen = copy(o->listen);
	s->libchdb = copy(o->libchdb);
	s->config_file = copy(o->config_file);
	s->memory_limit = o->memory_limit;
	s->grace_ms = o->grace_ms ? o->grace_ms : DEFAULT_GRACE_MS;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = s->wake_fd < 0 ? errno : pthread_create(&s->thread, NULL, supervise, s);
	if (rc) {
		supervisor_free(s);
		return error_set_errno(err, STATUS_NO_MEMORY, rc, "cannot start the supervisor");
	}
	*out = s;
	return 0;
}

int supervisor_wait_ready(struct supervisor *s, unsigned timeout_ms, struct error *err)
{
	int64_t deadline = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	struct timespec until = {deadline / NS_PER_SECOND, deadline % NS_PER_SECOND};
	int rc = 0;
	pthread_mutex_lock(&s->lock);
	while (s->status.state != SUPERVISOR_READY && rc == 0)
		rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	if (s->status.state == SUPERVISOR_READY)
		rc = 0;
	else
		rc = error_set(err, STATUS_TIMEOUT, "the engine is not ready (%s)%s%s",
			       supervisor_state_name(s->status.state),
			       s->status.last_error[0] ? ": " : "", s->status.last_error);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static uint64_t rss_of(pid_t pid)
{
	char path[64];
	unsigned long long size, resident = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *file = pid ? fopen(path, "re") : NULL;
	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void supervisor_get_status(struct supervisor *s, struct supervisor_status *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->status;
	pthread_mutex_unlock(&s->lock);
	out->rss = rss_of(out->pid);
}

void supervisor_stop(struct supervisor *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_mutex_unlock(&s->lock);
	uint64_t one = 1;
	ssize_t n = write(s->wake_fd, &one, sizeof(one));
	(void)n;
	pthread_join(s->thread, NULL);
	supervisor_free(s);
}
