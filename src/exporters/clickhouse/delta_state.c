#include "exporters/clickhouse/delta_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/log.h"

#define MAGIC "tripodD1"
#define NOTHING UINT64_MAX
/* Bytes of log between checkpoints: little to read again, and little of the log's budget. */
#define INTERVAL ((uint64_t)64 << 20)
#define PART_OF_LOG 128

/* In front of what delta_sums_save wrote. */
struct checkpoint {
	char magic[8];
	uint64_t position;
	uint32_t instance; /* of the log */
	uint32_t zero;
	uint64_t length;
	uint64_t hash; /* of what follows, seeded with the position */
};

struct delta_state {
	struct delta_state_options options;
	int consumer; /* that keeps the log */
	uint64_t interval;
	uint64_t saved, saved_bytes; /* the newest checkpoint, in effect or not */
	uint64_t waiting; /* the position of one that is not in effect, or NOTHING */
	char path[4096], new_path[4100];
	pthread_mutex_t lock; /* the file and the log behind it belong together */
};

static uint64_t kept_from(struct delta_state *state)
{
	struct consumer_progress progress;
	progress_get(state->options.progress, state->consumer, &progress);
	return progress.position;
}

static int keep_from(struct delta_state *state, uint64_t position, struct error *err)
{
	struct consumer_progress progress;
	progress_get(state->options.progress, state->consumer, &progress);
	progress.position = position;
	return progress_put(state->options.progress, state->consumer, &progress, err);
}

int delta_state_open(struct delta_state **out, const struct delta_state_options *options,
		     struct error *err)
{
	char name[PROGRESS_NAME_SIZE];
	struct wal_stats stats;
	struct delta_state *state = calloc(1, sizeof(*state));
	if (!state)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	state->options = *options;
	if (!state->options.max_series)
		state->options.max_series = DELTA_MAX_SERIES;
	if (!state->options.max_stale_ms)
		state->options.max_stale_ms = DELTA_MAX_STALE_MS;
	int length = snprintf(name, sizeof(name), "%s/delta", options->consumer);
	int path = snprintf(state->path, sizeof(state->path), "%s.%s",
			    progress_path(options->progress), options->consumer);
	if ((size_t)length >= sizeof(name) || (size_t)path >= sizeof(state->path)) {
		free(state);
		return error_set(err, STATUS_INVALID, "%s: the name is too long",
				 options->consumer);
	}
	for (char *c = state->path + strlen(progress_path(options->progress)); *c; c++) {
		if (*c == '/')
			*c = '.';
	}
	snprintf(state->new_path, sizeof(state->new_path), "%s.new", state->path);
	state->consumer = progress_consumer(options->progress, name, options->position, err);
	if (state->consumer < 0) {
		int rc = state->consumer;
		free(state);
		return rc;
	}
	wal_stats(options->wal, &stats);
	state->interval = stats.max_size / PART_OF_LOG;
	if (state->interval > INTERVAL)
		state->interval = INTERVAL;
	state->saved = kept_from(state);
	state->waiting = NOTHING;
	pthread_mutex_init(&state->lock, NULL);
	*out = state;
	return 0;
}

void delta_state_close(struct delta_state *state)
{
	if (!state)
		return;
	pthread_mutex_destroy(&state->lock);
	free(state);
}

/* --- reading ------------------------------------------------------------------------------ */

static int read_file(const char *path, struct buf *out, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return STATUS_NOT_FOUND;
	ssize_t n = -1;
	while (fd >= 0 && buf_reserve(out, 65536) &&
	       (n = read(fd, out->data + out->len, out->capacity - out->len)) > 0)
		out->len += (size_t)n;
	int errnum = errno;
	if (fd >= 0)
		close(fd);
	if (out->failed)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	return n < 0 ? error_set_errno(err, STATUS_IO, errnum, "%s: cannot be read", path) : 0;
}

/* Fills `sums` from the checkpoint and says of which position it is. */
static int load(const struct delta_state *state, struct delta_sums *sums, uint64_t *position,
		struct error *err)
{
	struct buf bytes = BUF_INIT;
	struct checkpoint header;
	int rc = read_file(state->path, &bytes, err);
	if (rc == 0 && bytes.len < sizeof(header))
		rc = error_set(err, STATUS_CORRUPT, "%s: too short", state->path);
	if (rc == 0) {
		struct slice body = {bytes.data + sizeof(header), bytes.len - sizeof(header)};
		memcpy(&header, bytes.data, sizeof(header));
		if (memcmp(header.magic, MAGIC, sizeof(header.magic)) ||
		    header.length != body.len ||
		    header.hash != XXH3_64bits_withSeed(body.ptr, body.len, header.position))
			rc = error_set(err, STATUS_CORRUPT, "%s: not what was written",
				       state->path);
		else if (header.instance != wal_instance(state->options.wal))
			rc = STATUS_NOT_FOUND;
		else
			rc = delta_sums_load(sums, body, err);
	}
	buf_release(&bytes);
	if (rc == 0)
		*position = header.position;
	return rc;
}

/* Adds what the log has in [from, to). */
static int replay(struct delta_state *state, struct delta_sums *sums, uint64_t from, uint64_t to,
		  bool (*go_on)(void *arg), void *arg, struct error *err)
{
	struct wal_reader *reader;
	int rc = wal_reader_new(&reader, state->options.wal, &state->options.filter, from, err);
	if (rc < 0)
		return rc;
	for (;;) {
		struct record *record;
		struct metric_batch ignored;
		uint32_t dropped[DELTA_DROP_COUNT] = {0};
		if (!go_on(arg)) {
			rc = error_set(err, STATUS_CANCELLED, "stopping");
			break;
		}
		rc = wal_reader_next(reader, to, 1000, &record, err);
		if (rc == STATUS_AGAIN || rc == STATUS_CORRUPT)
			continue; /* what is lost was reported when it was to be stored */
		if (rc < 0)
			break;
		rc = delta_sums_add(sums, &record->metrics, record->received_time, &ignored,
				    dropped, err);
		record_unref(record);
		if (rc < 0)
			break;
	}
	wal_reader_free(reader);
	return rc == STATUS_NOT_FOUND ? 0 : rc;
}

int delta_state_at(struct delta_state *state, uint64_t position, bool (*go_on)(void *arg),
		   void *arg, struct delta_sums **out, struct error *err)
{
	struct delta_sums *sums =
		delta_sums_new(state->options.max_series, state->options.max_stale_ms);
	if (!sums)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	pthread_mutex_lock(&state->lock);
	uint64_t from = kept_from(state);
	int rc = load(state, sums, &from, err);
	if (rc == STATUS_CORRUPT) {
		log_error("sums of deltas are lost, series begin anew",
			  LOG_STR("error", err->message));
		rc = 0;
	} else if (rc == STATUS_NOT_FOUND) {
		rc = 0;
	}
	if (rc == 0 && from < position)
		rc = replay(state, sums, from, position, go_on, arg, err);
	pthread_mutex_unlock(&state->lock);
	if (rc < 0) {
		delta_sums_free(sums);
		return rc;
	}
	*out = sums;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------ */

bool delta_state_is_due(const struct delta_state *state, uint64_t position)
{
	/* Writing the sums costs at most half of what is written anyway. */
	return state->waiting == NOTHING && position > state->saved &&
	       position - state->saved >= state->interval + 2 * state->saved_bytes;
}

static int write_file(const char *path, struct slice bytes, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int errnum = fd < 0 ? errno : 0;
	while (!errnum && bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno != EINTR)
			errnum = errno;
		if (n > 0) {
			bytes.ptr += n;
			bytes.len -= (size_t)n;
		}
	}
	if (!errnum && fdatasync(fd) < 0)
		errnum = errno;
	if (fd >= 0)
		close(fd);
	return errnum ? error_set_errno(err, STATUS_IO, errnum, "%s: cannot be written", path) : 0;
}

int delta_state_save(struct delta_state *state, struct delta_sums *sums, uint64_t position,
		     struct error *err)
{
	struct buf bytes = BUF_INIT;
	struct checkpoint header = {
		.magic = MAGIC, .position = position, .instance = wal_instance(state->options.wal)};
	buf_append(&bytes, &header, sizeof(header));
	delta_sums_save(sums, &bytes);
	int rc = bytes.failed ? error_set(err, STATUS_NO_MEMORY, "out of memory") : 0;
	state->waiting = NOTHING;
	if (rc == 0) {
		header.length = bytes.len - sizeof(header);
		header.hash =
			XXH3_64bits_withSeed(bytes.data + sizeof(header), header.length, position);
		memcpy(bytes.data, &header, sizeof(header));
		rc = write_file(state->new_path, buf_slice(&bytes), err);
	}
	/* Also when it failed: the next try waits for its turn. */
	state->saved = position;
	state->saved_bytes = bytes.len;
	buf_release(&bytes);
	if (rc == 0)
		state->waiting = position;
	return rc;
}

static int sync_folder(const char *path, struct error *err)
{
	char folder[4096];
	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int errnum = fd < 0 || fsync(fd) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return errnum ? error_set_errno(err, STATUS_IO, errnum, "%s: cannot be synced", folder) : 0;
}

int delta_state_settle(struct delta_state *state, uint64_t settled, struct error *err)
{
	if (state->waiting == NOTHING || settled < state->waiting)
		return 0;
	pthread_mutex_lock(&state->lock);
	/*
	 * First what is settled becomes durable, if a write of it failed: the sums may not be ahead
	 * of a cut that a restart finds. The log goes last: the file needs it until it is replaced.
	 */
	int rc = keep_from(state, kept_from(state), err);
	if (rc == 0 && rename(state->new_path, state->path) < 0)
		rc = error_set_errno(err, STATUS_IO, errno, "%s: cannot be renamed",
				     state->new_path);
	if (rc == 0)
		rc = sync_folder(state->path, err);
	if (rc == 0)
		rc = keep_from(state, state->waiting, err);
	pthread_mutex_unlock(&state->lock);
	state->waiting = NOTHING;
	if (rc == 0)
		wal_release_before(state->options.wal,
				   progress_least_position(state->options.progress, 0));
	return rc;
}
