#include "pipeline/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/fault.h"

#define MAGIC "tripodP1"
#define SLOT_SIZE ((size_t)1 << 20)
#define RETIRED UINT64_MAX /* position of a consumer that needs nothing of the log */

/* A slot on disk: this header, then `count` consumers, each without its unused cuts and splits. */
struct slot_header {
	char magic[8];
	uint64_t sequence;
	uint32_t count;
	uint32_t length; /* of what follows the header */
	uint64_t hash; /* of what follows the header, seeded with the sequence */
};

struct consumer {
	struct consumer_progress state;
	uint64_t durable_position;
	bool used; /* asked for since progress_begin_use */
};

struct progress {
	pthread_mutex_t lock;
	int fd;
	char *path;
	uint64_t sequence;
	char *slot; /* SLOT_SIZE bytes for encoding */
	unsigned count;
	struct consumer consumers[PROGRESS_MAX_CONSUMERS];
};

#define FIXED_SIZE offsetof(struct consumer_progress, cuts)

_Static_assert(sizeof(struct slot_header) +
			       PROGRESS_MAX_CONSUMERS * sizeof(struct consumer_progress) <
		       SLOT_SIZE,
	       "a slot must hold every consumer");

static size_t encode_consumer(char *to, const struct consumer_progress *state)
{
	size_t cuts = state->cut_count * sizeof(state->cuts[0]);
	size_t splits = state->split_count * sizeof(state->splits[0]);
	memcpy(to, state, FIXED_SIZE);
	memcpy(to + FIXED_SIZE, state->cuts, cuts);
	memcpy(to + FIXED_SIZE + cuts, state->splits, splits);
	return FIXED_SIZE + cuts + splits;
}

/* Returns the bytes taken, or 0 when they are not a consumer's. */
static size_t decode_consumer(struct consumer_progress *state, const char *from, size_t len)
{
	if (len < FIXED_SIZE)
		return 0;
	memset(state, 0, sizeof(*state));
	memcpy(state, from, FIXED_SIZE);
	if (state->cut_count > PROGRESS_MAX_CUTS || state->split_count > PROGRESS_MAX_SPLITS ||
	    !memchr(state->name, 0, sizeof(state->name)))
		return 0;
	size_t cuts = state->cut_count * sizeof(state->cuts[0]);
	size_t splits = state->split_count * sizeof(state->splits[0]);
	if (len < FIXED_SIZE + cuts + splits)
		return 0;
	memcpy(state->cuts, from + FIXED_SIZE, cuts);
	memcpy(state->splits, from + FIXED_SIZE + cuts, splits);
	return FIXED_SIZE + cuts + splits;
}

/* Fills `progress` from a slot read into progress->slot. False when the slot is not valid. */
static bool decode_slot(struct progress *progress)
{
	struct slot_header header;
	memcpy(&header, progress->slot, sizeof(header));
	const char *body = progress->slot + sizeof(header);
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0 ||
	    header.length > SLOT_SIZE - sizeof(header) || header.count > PROGRESS_MAX_CONSUMERS ||
	    header.hash != XXH3_64bits_withSeed(body, header.length, header.sequence) ||
	    header.sequence <= progress->sequence)
		return false;
	size_t at = 0;
	for (unsigned i = 0; i < header.count; i++) {
		struct consumer *consumer = &progress->consumers[i];
		size_t n = decode_consumer(&consumer->state, body + at, header.length - at);
		if (!n)
			return false;
		consumer->durable_position = consumer->state.position;
		at += n;
	}
	progress->count = header.count;
	progress->sequence = header.sequence;
	return true;
}

static int write_slot(struct progress *progress, struct error *err)
{
	struct slot_header header = {.sequence = progress->sequence + 1, .count = progress->count};
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	char *body = progress->slot + sizeof(header);
	size_t len = 0;
	for (unsigned i = 0; i < progress->count; i++)
		len += encode_consumer(body + len, &progress->consumers[i].state);
	header.length = (uint32_t)len;
	header.hash = XXH3_64bits_withSeed(body, len, header.sequence);
	memcpy(progress->slot, &header, sizeof(header));
	len += sizeof(header);
	off_t offset = header.sequence % 2 ? (off_t)SLOT_SIZE : 0;
	ssize_t n = pwrite(progress->fd, progress->slot, len, offset);
	FAULT_POINT("progress.written");
	if (n != (ssize_t)len || fdatasync(progress->fd) < 0)
		return error_set_errno(err, STATUS_IO, n >= 0 && n != (ssize_t)len ? ENOSPC : errno,
				       "cannot write %s", progress->path);
	progress->sequence = header.sequence;
	for (unsigned i = 0; i < progress->count; i++)
		progress->consumers[i].durable_position = progress->consumers[i].state.position;
	return 0;
}

/* A new file's name is on the disk when its folder was synced. */
static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd >= 0 ? fsync(fd) : -1;
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

static int load(struct progress *progress, bool *fresh, struct error *err)
{
	off_t size = lseek(progress->fd, 0, SEEK_END);
	*fresh = size <= 0;
	if (*fresh) {
		memset(progress->slot, 0, SLOT_SIZE);
		for (int i = 0; i < 2; i++) {
			if (pwrite(progress->fd, progress->slot, SLOT_SIZE,
				   (off_t)(i * SLOT_SIZE)) != (ssize_t)SLOT_SIZE)
				return error_set_errno(err, STATUS_IO, errno, "cannot write %s",
						       progress->path);
		}
		if (fsync(progress->fd) < 0 || sync_folder(progress->path) < 0)
			return error_set_errno(err, STATUS_IO, errno, "cannot write %s",
					       progress->path);
		return 0; /* all zero is fresh still: the first consumer makes it valid */
	}
	bool valid = false;
	for (int i = 0; i < 2; i++) {
		ssize_t n = pread(progress->fd, progress->slot, SLOT_SIZE, (off_t)(i * SLOT_SIZE));
		if (n == (ssize_t)SLOT_SIZE)
			valid |= decode_slot(progress);
	}
	/* Killed while the file was made: all zero. */
	if (!valid && progress->slot[0] == 0) {
		*fresh = true;
		return 0;
	}
	if (!valid)
		return error_set(err, STATUS_CORRUPT,
				 "%s is damaged: both of its states fail their checksum",
				 progress->path);
	return 0;
}

int progress_open(struct progress **out, const char *path, bool *fresh, struct error *err)
{
	struct progress *progress = calloc(1, sizeof(*progress));
	if (!progress)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	pthread_mutex_init(&progress->lock, NULL);
	progress->path = strdup(path);
	progress->slot = malloc(SLOT_SIZE);
	progress->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = 0;
	if (progress->fd < 0)
		rc = error_set_errno(err, STATUS_IO, errno, "cannot open %s", path);
	else if (!progress->path || !progress->slot)
		rc = error_set(err, STATUS_NO_MEMORY, "out of memory");
	if (rc == 0)
		rc = load(progress, fresh, err);
	if (rc < 0) {
		progress_close(progress);
		return rc;
	}
	*out = progress;
	return 0;
}

void progress_close(struct progress *progress)
{
	if (!progress)
		return;
	if (progress->fd >= 0)
		close(progress->fd);
	pthread_mutex_destroy(&progress->lock);
	free(progress->path);
	free(progress->slot);
	free(progress);
}

const char *progress_path(const struct progress *progress)
{
	return progress->path;
}

/* The consumer's index, made if need be; -1 when there is no room. Lock held. */
static int find_or_add(struct progress *progress, const char *name)
{
	for (unsigned i = 0; i < progress->count; i++) {
		if (strcmp(progress->consumers[i].state.name, name) == 0)
			return (int)i;
	}
	if (strlen(name) >= PROGRESS_NAME_SIZE)
		return -1;
	unsigned index = 0;
	while (index < progress->count && (progress->consumers[index].used ||
					   progress->consumers[index].state.position != RETIRED))
		index++;
	if (index == PROGRESS_MAX_CONSUMERS)
		return -1;
	struct consumer *consumer = &progress->consumers[index];
	memset(consumer, 0, sizeof(*consumer));
	memcpy(consumer->state.name, name, strlen(name));
	consumer->state.position = RETIRED;
	if (index == progress->count)
		progress->count++;
	return (int)index;
}

int progress_consumer(struct progress *progress, const char *name, uint64_t position,
		      struct error *err)
{
	int rc = 0;
	pthread_mutex_lock(&progress->lock);
	int index = find_or_add(progress, name);
	if (index < 0) {
		rc = error_set(
			err, STATUS_LIMIT,
			"exporter %s: more than %d consumers of the durable log, or a name of "
			"more than %d bytes",
			name, PROGRESS_MAX_CONSUMERS, PROGRESS_NAME_SIZE - 1);
	} else {
		struct consumer *consumer = &progress->consumers[index];
		consumer->used = true;
		/* Before anything is accepted for it: a crash must find where it began. */
		if (consumer->state.position == RETIRED) {
			consumer->state.position = position;
			rc = write_slot(progress, err);
		}
	}
	pthread_mutex_unlock(&progress->lock);
	return rc < 0 ? rc : index;
}

void progress_begin_use(struct progress *progress)
{
	pthread_mutex_lock(&progress->lock);
	for (unsigned i = 0; i < progress->count; i++)
		progress->consumers[i].used = false;
	pthread_mutex_unlock(&progress->lock);
}

int progress_retire_unused(struct progress *progress,
			   void (*visit)(const char *name, uint64_t position, void *arg), void *arg,
			   struct error *err)
{
	unsigned retired = 0;
	pthread_mutex_lock(&progress->lock);
	for (unsigned i = 0; i < progress->count; i++) {
		struct consumer *consumer = &progress->consumers[i];
		if (consumer->used || consumer->state.position == RETIRED)
			continue;
		visit(consumer->state.name, consumer->state.position, arg);
		consumer->state.position = consumer->durable_position = RETIRED;
		consumer->state.cut_count = consumer->state.split_count = 0;
		retired++;
	}
	int rc = retired ? write_slot(progress, err) : 0;
	pthread_mutex_unlock(&progress->lock);
	return rc;
}

void progress_get(struct progress *progress, int consumer, struct consumer_progress *out)
{
	pthread_mutex_lock(&progress->lock);
	*out = progress->consumers[consumer].state;
	pthread_mutex_unlock(&progress->lock);
}

int progress_put(struct progress *progress, int consumer, const struct consumer_progress *state,
		 struct error *err)
{
	pthread_mutex_lock(&progress->lock);
	progress->consumers[consumer].state = *state;
	int rc = write_slot(progress, err);
	pthread_mutex_unlock(&progress->lock);
	return rc;
}

uint64_t progress_least_position(struct progress *progress, uint64_t none)
{
	uint64_t least = RETIRED;
	pthread_mutex_lock(&progress->lock);
	for (unsigned i = 0; i < progress->count; i++) {
		if (progress->consumers[i].durable_position < least)
			least = progress->consumers[i].durable_position;
	}
	pthread_mutex_unlock(&progress->lock);
	return least == RETIRED ? none : least;
}

uint64_t progress_greatest_position(struct progress *progress)
{
	uint64_t greatest = 0;
	pthread_mutex_lock(&progress->lock);
	for (unsigned i = 0; i < progress->count; i++) {
		const struct consumer_progress *state = &progress->consumers[i].state;
		if (state->position != RETIRED && state->position > greatest)
			greatest = state->position;
		for (uint32_t c = 0; c < state->cut_count; c++) {
			if (state->cuts[c].to > greatest)
				greatest = state->cuts[c].to;
		}
	}
	pthread_mutex_unlock(&progress->lock);
	return greatest;
}
