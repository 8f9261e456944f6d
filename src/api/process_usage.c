#include "api/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? STATUS_NOT_FOUND : 0;
}

/* Of the line "btime N" in /proc/stat: when the machine was started. */
static double boot_seconds(void)
{
	char line[256];
	double seconds = 0;
	FILE *f = fopen("/proc/stat", "re");
	if (!f)
		return 0;
	while (seconds == 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "btime ", 6) == 0)
			seconds = strtod(line + 6, NULL);
	}
	fclose(f);
	return seconds;
}

static uint64_t count_fds(const char *dir)
{
	uint64_t n = 0;
	DIR *d = opendir(dir);
	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static uint64_t max_fds(const char *path)
{
	char text[4096];
	if (read_file(path, text, sizeof(text)))
		return 0;
	const char *line = strstr(text, "Max open files");
	return line ? strtoull(line + strlen("Max open files"), NULL, 10) : 0;
}

/* The fields behind the name, which is in parentheses and may hold anything. */
static int parse_stat(const char *text, struct process_usage *out)
{
	/* Numbers of proc(5): utime 14, stime 15, num_threads 20, starttime 22, vsize 23, rss 24. */
	unsigned long long fields[25] = {0};
	const char *at = strrchr(text, ')');
	if (!at || strlen(at) < 4)
		return STATUS_NOT_FOUND;
	at += 3; /* over the state, which is field 3 */
	for (int i = 4; i < 25; i++) {
		char *end;
		fields[i] = strtoull(at, &end, 10);
		if (end == at)
			return STATUS_NOT_FOUND;
		at = end;
	}
	double tick = (double)sysconf(_SC_CLK_TCK);
	out->cpu_seconds = (double)(fields[14] + fields[15]) / tick;
	out->threads = fields[20];
	out->start_seconds = boot_seconds() + (double)fields[22] / tick;
	out->virtual_bytes = fields[23];
	out->resident_bytes = fields[24] * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int process_usage_read(struct process_usage *out, struct error *err)
{
	char text[1024];
	struct process_usage usage = {0};
	if (read_file("/proc/self/stat", text, sizeof(text)) || parse_stat(text, &usage))
		return error_set(err, STATUS_IO, "/proc/self/stat cannot be read");
	usage.open_fds = count_fds("/proc/self/fd");
	usage.max_fds = max_fds("/proc/self/limits");
	*out = usage;
	return 0;
}
