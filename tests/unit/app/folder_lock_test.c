/* A folder has one user at a time, whose pid the next one is told; dying frees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/folder_lock.h"

/* A process that has the lock, or exits; returns when it has. */
static pid_t hold(const char *folder)
{
	int pipe_fds[2];
	char byte;
	assert_int_equal(pipe(pipe_fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (folder_lock_take(folder, "leave", NULL) < 0 || write(pipe_fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	return pid;
}

static void has_one_user(void **state)
{
	char folder[] = "/tmp/tripod-lock-XXXXXX", expected[200], file[100];
	struct error err;
	assert_non_null(mkdtemp(folder));
	pid_t pid = hold(folder);
	assert_int_equal(folder_lock_take(folder, "go elsewhere", &err), STATUS_CONFLICT);
	snprintf(expected, sizeof(expected),
		 "another Tripod (pid %d) uses %s; stop it, or go elsewhere", (int)pid, folder);
	assert_string_equal(err.message, expected);

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	int fd = folder_lock_take(folder, "go elsewhere", &err);
	assert_true(fd >= 0);
	close(fd);
	pid = hold(folder);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(file, sizeof(file), "%s/lock", folder);
	unlink(file);
	rmdir(folder);
}

static void names_a_folder_that_is_not_there(void **state)
{
	struct error err;
	assert_int_equal(folder_lock_take("/nonexistent/x", "leave", &err), STATUS_IO);
	assert_non_null(strstr(err.message, "cannot lock /nonexistent/x: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_one_user),
		cmocka_unit_test(names_a_folder_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
