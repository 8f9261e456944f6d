#include "app/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* `fd` could not be locked. */
static int in_use(int fd, const char *folder, const char *instead, struct error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	/* 0: a process of another container; or it has just ended. */
	int pid = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? (int)lock.l_pid : 0;
	char who[32] = "";
	if (pid > 0)
		snprintf(who, sizeof(who), " (pid %d)", pid);
	return error_set(err, STATUS_CONFLICT, "another Tripod%s uses %s; stop it, or %s", who,
			 folder, instead);
}

int folder_lock_take(const char *folder, const char *instead, struct error *err)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", folder);
	if (n < 0 || (size_t)n >= sizeof(path))
		return error_set(err, STATUS_INVALID, "the path %s is too long", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, STATUS_IO, errno, "cannot lock %s", folder);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	int cause = errno;
	int rc = cause == EACCES || cause == EAGAIN
			 ? in_use(fd, folder, instead, err)
			 : error_set_errno(err, STATUS_IO, cause, "cannot lock %s", folder);
	close(fd);
	return rc;
}
