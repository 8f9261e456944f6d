#include "store/engine_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LOCK_NAME "engine.lock"
#define SUPERVISED "supervised\n"

static int open_file(const char *data, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" LOCK_NAME, data);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC, 0600);
}

/* The holder's pid; 0: nobody, or it cannot be told. */
static pid_t holder_of(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

int engine_lock_take(const char *data, int supervised, struct error *err)
{
	int fd = open_file(data, O_RDWR | O_CREAT);
	if (fd < 0)
		return error_set_errno(err, STATUS_IO, errno, "cannot lock data directory %s",
				       data);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &lock) == 0) {
		ssize_t n = supervised ? (ssize_t)strlen(SUPERVISED) : 0;
		if (ftruncate(fd, 0) == 0 && pwrite(fd, SUPERVISED, (size_t)n, 0) == n)
			return fd;
	} else if (errno == EACCES || errno == EAGAIN) {
		pid_t pid = holder_of(fd);
		close(fd);
		return error_set(err, STATUS_CONFLICT,
				 "another engine (pid %d) has %s open: stop it, or use another "
				 "directory",
				 (int)pid, data);
	}
	int cause = errno;
	close(fd);
	return error_set_errno(err, STATUS_IO, cause, "cannot lock data directory %s", data);
}

static bool is_supervised(int fd)
{
	char text[sizeof(SUPERVISED)] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	return n > 0 && strcmp(text, SUPERVISED) == 0;
}

int engine_lock_clear(const char *data, unsigned grace_ms, struct error *err)
{
	/* Not kept open: closing it later would drop a lock this process took meanwhile. */
	int fd = open_file(data, O_RDONLY);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : error_set_errno(err, STATUS_IO, errno,
							 "cannot look at data directory %s", data);
	int rc = 0;
	pid_t told = 0;
	int64_t deadline = clock_monotonic_ns() + (int64_t)grace_ms * NS_PER_MS;
	for (pid_t pid; rc == 0 && (pid = holder_of(fd)) > 0;) {
		if (!is_supervised(fd)) {
			rc = error_set(err, STATUS_CONFLICT,
				       "an engine (pid %d) that was started by hand has %s open: "
				       "stop it, or use it with storage.endpoint",
				       (int)pid, data);
			break;
		}
		bool late = clock_monotonic_ns() > deadline;
		if (told != pid || late) {
			log_warn("an engine is left over from a server that died: it is stopped",
				 LOG_INT("pid", pid));
			kill(pid, late ? SIGKILL : SIGTERM);
			told = pid;
		}
		usleep(late ? 100000 : 10000);
	}
	close(fd);
	return rc;
}
