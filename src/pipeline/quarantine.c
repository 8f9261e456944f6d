#include "pipeline/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "wire/json_write.h"

#define SUFFIX ".quarantine"
#define MAX_HEADER ((size_t)64 << 10)
#define READ_STEP ((size_t)64 << 10)
/* Of a text in the header: with each byte escaped as \u00xx the whole still fits in MAX_HEADER. */
#define MAX_TEXT ((size_t)3 << 10)

/* An entry that is being sent again. */
struct claim {
	struct claim *next;
	char id[];
};

struct quarantine {
	int dir_fd;
	char *dir;
	pthread_mutex_t lock; /* what follows */
	uint64_t entries, rows;
	struct claim *claims;
};

/* --- files ------------------------------------------------------------------------ */

static bool id_ok(const char *id)
{
	size_t len = strlen(id);
	return len > 0 && len < 128 &&
	       strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") ==
		       len;
}

static int file_name(char *out, size_t size, const char *id, const char *suffix, struct error *err)
{
	if (!id_ok(id))
		return error_set(err, STATUS_INVALID,
				 "'%.60s' is not the id of a quarantined block", id);
	snprintf(out, size, "%s%s", id, suffix);
	return 0;
}

static int io_error(const struct quarantine *quarantine, const char *name, struct error *err)
{
	int status = errno == ENOENT   ? STATUS_NOT_FOUND
		     : errno == ENOSPC ? STATUS_NO_SPACE
				       : STATUS_IO;
	return error_set_errno(err, (enum status)status, errno, "quarantine: %s/%s",
			       quarantine->dir, name);
}

static int write_all(int fd, struct slice bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

/* Reads the file, at most `most` bytes of it. */
static int read_start(struct quarantine *quarantine, const char *name, size_t most, struct buf *out,
		      struct error *err)
{
	int fd = openat(quarantine->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return io_error(quarantine, name, err);
	ssize_t n = 1;
	while (n > 0 && out->len < most) {
		size_t step = most - out->len < READ_STEP ? most - out->len : READ_STEP;
		if (!buf_reserve(out, step))
			break;
		n = read(fd, out->data + out->len, step);
		if (n > 0)
			out->len += (size_t)n;
	}
	int rc = 0;
	if (n < 0)
		rc = io_error(quarantine, name, err);
	else if (out->failed)
		rc = error_set(err, STATUS_LIMIT, "quarantine: %s is too large to read", name);
	close(fd);
	return rc;
}

/* --- the header line -------------------------------------------------------------- */

static void put_text(struct json_writer *w, struct slice key, const char *text)
{
	struct slice value = slice_of(text);
	if (value.len > MAX_TEXT)
		value.len = MAX_TEXT;
	json_write_key(w, key);
	json_write_string(w, value);
}

/* Texts come from a store or a peer: cut anywhere, quoting anything. What is not UTF-8 is replaced. */
static void encode_header(const struct quarantine_entry *entry, struct buf *out)
{
	struct json_writer w = {.out = out};
	char cut[20];
	snprintf(cut, sizeof(cut), "%016llx", (unsigned long long)entry->cut_id);
	json_write_object_begin(&w);
	put_text(&w, SLICE("id"), entry->id);
	put_text(&w, SLICE("exporter"), entry->exporter);
	put_text(&w, SLICE("target"), entry->target);
	put_text(&w, SLICE("reason"), entry->reason);
	json_write_key(&w, SLICE("time"));
	json_write_int64(&w, entry->time);
	json_write_key(&w, SLICE("rows"));
	json_write_uint64(&w, entry->rows);
	put_text(&w, SLICE("cut"), cut);
	json_write_object_end(&w);
	buf_append_byte(out, '\n');
}

/* Fills `entry` with strings that live as long as *header, which the caller releases. */
static bool decode_header(struct slice line, json_t **header, struct quarantine_entry *entry)
{
	const char *cut;
	json_int_t time, rows;
	*header = json_loadb(line.ptr, line.len, 0, NULL);
	*entry = (struct quarantine_entry){0};
	if (!*header ||
	    json_unpack(*header, "{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "id", &entry->id,
			"exporter", &entry->exporter, "target", &entry->target, "reason",
			&entry->reason, "time", &time, "rows", &rows, "cut", &cut) < 0)
		return false;
	entry->time = time;
	entry->rows = (uint64_t)rows;
	entry->cut_id = strtoull(cut, NULL, 16);
	return true;
}

static struct slice header_line(const struct buf *file)
{
	const char *end = file->len ? memchr(file->data, '\n', file->len) : NULL;
	return (struct slice){file->data, end ? (size_t)(end - file->data) : 0};
}

/* Reads the file's beginning, the header line in it, as an entry; as decode_header. */
static int read_header(struct quarantine *quarantine, const char *name, json_t **header,
		       struct quarantine_entry *entry, struct error *err)
{
	struct buf start = BUF_INIT;
	int rc = read_start(quarantine, name, MAX_HEADER, &start, err);
	*header = NULL;
	if (rc == 0 && !decode_header(header_line(&start), header, entry))
		rc = error_set(err, STATUS_CORRUPT, "quarantine: %s has no valid header", name);
	buf_release(&start);
	return rc;
}

/* --- the public functions --------------------------------------------------------- */

static void add_to_count(const struct quarantine_entry *entry, void *arg)
{
	struct quarantine *quarantine = arg;
	quarantine->entries++;
	quarantine->rows += entry->rows;
}

int quarantine_open(struct quarantine **out, const char *dir, struct error *err)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return error_set_errno(err, STATUS_IO, errno,
				       "quarantine: cannot make the folder %s", dir);
	struct quarantine *quarantine = calloc(1, sizeof(*quarantine));
	if (!quarantine)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	pthread_mutex_init(&quarantine->lock, NULL);
	quarantine->dir = strdup(dir);
	quarantine->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = quarantine->dir_fd < 0
			 ? error_set_errno(err, STATUS_IO, errno, "quarantine: cannot open %s", dir)
			 : quarantine_each(quarantine, add_to_count, quarantine, err);
	if (rc < 0) {
		quarantine_close(quarantine);
		return rc;
	}
	*out = quarantine;
	return 0;
}

void quarantine_close(struct quarantine *quarantine)
{
	if (!quarantine)
		return;
	if (quarantine->dir_fd >= 0)
		close(quarantine->dir_fd);
	pthread_mutex_destroy(&quarantine->lock);
	free(quarantine->dir);
	free(quarantine);
}

int quarantine_put(struct quarantine *quarantine, const struct quarantine_entry *entry,
		   struct slice bytes, struct error *err)
{
	char name[160], temporary[160];
	int rc = file_name(name, sizeof(name), entry->id, SUFFIX, err);
	if (rc == 0)
		rc = file_name(temporary, sizeof(temporary), entry->id, ".new", err);
	if (rc < 0)
		return rc;
	struct buf header = BUF_INIT;
	encode_header(entry, &header);
	if (header.failed) {
		buf_release(&header);
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	int dir = quarantine->dir_fd;
	bool is_new = faccessat(dir, name, F_OK, 0) < 0;
	int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write_all(fd, buf_slice(&header)) == 0 && write_all(fd, bytes) == 0 &&
		  fsync(fd) == 0 && renameat(dir, temporary, dir, name) == 0 && fsync(dir) == 0;
	if (!ok)
		rc = io_error(quarantine, name, err);
	if (fd >= 0)
		close(fd);
	if (!ok)
		unlinkat(dir, temporary, 0);
	buf_release(&header);
	if (ok && is_new) {
		pthread_mutex_lock(&quarantine->lock);
		quarantine->entries++;
		quarantine->rows += entry->rows;
		pthread_mutex_unlock(&quarantine->lock);
	}
	return rc;
}

static void visit_file(struct quarantine *quarantine, const char *name,
		       void (*visit)(const struct quarantine_entry *entry, void *arg), void *arg)
{
	struct quarantine_entry entry;
	json_t *header;
	struct error err;
	if (read_header(quarantine, name, &header, &entry, &err) < 0)
		log_warn("quarantine: an entry cannot be read", LOG_STR("error", err.message));
	else
		visit(&entry, arg);
	json_decref(header);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);
	return len > suffix && strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

int quarantine_each(struct quarantine *quarantine,
		    void (*visit)(const struct quarantine_entry *entry, void *arg), void *arg,
		    struct error *err)
{
	struct dirent **names;
	int count = scandir(quarantine->dir, &names, is_entry, compare_names);
	if (count < 0)
		return error_set_errno(err, STATUS_IO, errno, "quarantine: cannot list %s",
				       quarantine->dir);
	for (int i = 0; i < count; i++) {
		visit_file(quarantine, names[i]->d_name, visit, arg);
		free(names[i]);
	}
	free(names);
	return 0;
}

int quarantine_read(struct quarantine *quarantine, const char *id, struct buf *out,
		    struct error *err)
{
	char name[160];
	int rc = file_name(name, sizeof(name), id, SUFFIX, err);
	if (rc < 0)
		return rc;
	struct buf file = BUF_INIT;
	rc = read_start(quarantine, name, SIZE_MAX, &file, err);
	if (rc == 0) {
		size_t skip = header_line(&file).len + 1;
		if (skip <= file.len)
			buf_append(out, file.data + skip, file.len - skip);
		if (out->failed)
			rc = error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	buf_release(&file);
	return rc;
}

int quarantine_delete(struct quarantine *quarantine, const char *id, struct error *err)
{
	char name[160];
	struct quarantine_entry entry;
	json_t *header;
	int rc = file_name(name, sizeof(name), id, SUFFIX, err);
	if (rc < 0)
		return rc;
	rc = read_header(quarantine, name, &header, &entry, err);
	json_decref(header);
	if (rc < 0)
		return rc;
	if (unlinkat(quarantine->dir_fd, name, 0) < 0)
		return io_error(quarantine, name, err);
	fsync(quarantine->dir_fd);
	pthread_mutex_lock(&quarantine->lock);
	quarantine->entries--;
	quarantine->rows -= entry.rows;
	pthread_mutex_unlock(&quarantine->lock);
	return 0;
}

/* Where the claim of `id`, or the end of the list, hangs. Lock held. */
static struct claim **find_claim(struct quarantine *quarantine, const char *id)
{
	struct claim **at = &quarantine->claims;
	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

int quarantine_claim(struct quarantine *quarantine, const char *id, struct error *err)
{
	size_t size = strlen(id) + 1;
	struct claim *claim = malloc(sizeof(*claim) + size);
	if (!claim)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	claim->next = NULL;
	memcpy(claim->id, id, size);
	pthread_mutex_lock(&quarantine->lock);
	struct claim **at = find_claim(quarantine, id);
	bool taken = *at != NULL;
	if (!taken)
		*at = claim;
	pthread_mutex_unlock(&quarantine->lock);
	if (!taken)
		return 0;
	free(claim);
	return error_set(err, STATUS_CONFLICT, "entry %s is being retried", id);
}

void quarantine_release(struct quarantine *quarantine, const char *id)
{
	pthread_mutex_lock(&quarantine->lock);
	struct claim **at = find_claim(quarantine, id), *claim = *at;
	if (claim)
		*at = claim->next;
	pthread_mutex_unlock(&quarantine->lock);
	free(claim);
}

void quarantine_count(struct quarantine *quarantine, uint64_t *entries, uint64_t *rows)
{
	pthread_mutex_lock(&quarantine->lock);
	*entries = quarantine->entries;
	*rows = quarantine->rows;
	pthread_mutex_unlock(&quarantine->lock);
}
