#include "exporters/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporters/debug/debug_text.h"
#include "exporters/debug_options.h"
#include "pipeline/ledger.h"
#include "pipeline/progress.h"
#include "telemetry/otlp_check.h"
#include "wire/compress.h"

#define IDLE_WAIT_MS 1000
#define SAVE_INTERVAL (1 * NS_PER_SECOND)
#define MAX_PLAIN ((size_t)1 << 30)
#define MAX_OUTPUTS 8

struct debug_exporter;

/* Reads one signal of the log and writes it, on a thread of its own. */
struct viewer {
	struct debug_exporter *exporter;
	enum signal signal;
	char name[PROGRESS_NAME_SIZE];
	int consumer;
	struct wal_reader *reader;
	pthread_t thread;
	bool has_thread;
	struct exporter_ledger *ledger;
	struct consumer_progress state;
	int64_t saved_at;
	uint64_t saved_position;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	uint64_t settled;
};

struct debug_exporter {
	struct exporter exporter;
	const struct debug_options *options;
	struct chunk_pool *chunks;
	struct wal *wal;
	struct progress *progress;
	int outputs[MAX_OUTPUTS];
	size_t output_count;
	struct viewer *viewers[SIGNAL_COUNT];

	pthread_mutex_t lock; /* sampling, and one message at a time */
	int64_t second;
	uint64_t messages; /* in it */
};

/* --- writing ---------------------------------------------------------------------- */

/* Whether this message is written: see sampling_initial and sampling_thereafter. Lock held. */
static bool is_sampled(struct debug_exporter *self)
{
	int64_t second = clock_monotonic_ns() / NS_PER_SECOND;
	if (second != self->second) {
		self->second = second;
		self->messages = 0;
	}
	uint64_t number = ++self->messages, first = (uint64_t)self->options->sampling_initial;
	uint64_t every = (uint64_t)self->options->sampling_thereafter;
	return number <= first || (every && (number - first) % every == 0);
}

static void write_all(int fd, struct slice bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			bytes.ptr += n;
			bytes.len -= (size_t)n;
		}
	}
}

static void write_message(struct viewer *viewer, const struct record *record, struct slice protobuf)
{
	struct debug_exporter *self = viewer->exporter;
	const char *what = signal_name(viewer->signal);
	struct buf text = BUF_INIT;
	struct error err = {0};
	int rc = 0;
	if (self->options->use_internal_logger)
		log_info(what, LOG_INT("records", record->rows), LOG_INT("bytes", protobuf.len));
	else
		buf_appendf(&text, "%s: %u records, %zu bytes\n", what, record->rows, protobuf.len);
	if (self->options->verbosity != DEBUG_BASIC)
		rc = debug_text(viewer->signal, self->options->verbosity, protobuf, &text, &err);
	if (rc < 0)
		buf_appendf(&text, "%s\n", err.message);
	for (size_t i = 0; !text.failed && i < self->output_count; i++)
		write_all(self->outputs[i], buf_slice(&text));
	buf_release(&text);
}

static void show(struct viewer *viewer, struct record *record)
{
	struct debug_exporter *self = viewer->exporter;
	struct chunk *owner = NULL;
	struct slice protobuf = record->plain ? record->plain_bytes : record->wire_bytes;
	struct error err;
	pthread_mutex_lock(&self->lock);
	if (is_sampled(self)) {
		int rc = 0;
		if (!record->plain && record->coding != COMPRESS_IDENTITY) {
			rc = compress_decode(&owner, self->chunks, record->coding,
					     record->wire_bytes, MAX_PLAIN, &err);
			if (rc == 0)
				protobuf = (struct slice){owner->data, owner->len};
		}
		if (rc == 0)
			write_message(viewer, record, protobuf);
		else
			log_warn("debug: a request cannot be shown", LOG_STR("error", err.message));
	}
	pthread_mutex_unlock(&self->lock);
	chunk_unref(owner);
}

/* --- reading ---------------------------------------------------------------------- */

static void save(struct viewer *viewer)
{
	struct debug_exporter *self = viewer->exporter;
	struct error err;
	viewer->saved_at = clock_monotonic_ns();
	if (progress_put(self->progress, viewer->consumer, &viewer->state, &err) < 0) {
		log_error("progress file: cannot be written, will be tried again",
			  LOG_STR("exporter", viewer->name), LOG_STR("error", err.message));
		return;
	}
	viewer->saved_position = viewer->state.position;
	wal_release_before(self->wal, progress_least_position(self->progress, 0));
}

/* Returns whether to go on. */
static bool publish(struct viewer *viewer)
{
	pthread_mutex_lock(&viewer->lock);
	viewer->settled = viewer->state.position;
	bool go_on = !viewer->stopping;
	pthread_cond_broadcast(&viewer->changed);
	pthread_mutex_unlock(&viewer->lock);
	return go_on;
}

static void *viewer_main(void *arg)
{
	struct viewer *viewer = arg;
	bool go_on = true;
	while (go_on) {
		struct record *record = NULL;
		struct error err = {0};
		int rc = wal_reader_next(viewer->reader, UINT64_MAX, IDLE_WAIT_MS, &record, &err);
		if (rc == 0) {
			show(viewer, record);
			viewer->state.delivered += record->rows;
			atomic_fetch_add(&viewer->ledger->delivered, record->rows);
			atomic_fetch_sub(&viewer->ledger->queued, record->rows);
			record_unref(record);
		} else if (rc == STATUS_CORRUPT) {
			log_error("durable log: a record is lost", LOG_STR("error", err.message));
		}
		viewer->state.position = wal_reader_position(viewer->reader);
		go_on = publish(viewer);
		if (viewer->state.position != viewer->saved_position &&
		    (!go_on || clock_monotonic_ns() - viewer->saved_at >= SAVE_INTERVAL))
			save(viewer);
	}
	return NULL;
}

/* --- starting and stopping -------------------------------------------------------- */

static void stop_viewer(struct viewer *viewer)
{
	if (!viewer)
		return;
	if (viewer->has_thread) {
		pthread_mutex_lock(&viewer->lock);
		viewer->stopping = true;
		pthread_mutex_unlock(&viewer->lock);
		wal_reader_wake(viewer->reader);
		pthread_join(viewer->thread, NULL);
	}
	wal_reader_free(viewer->reader);
	pthread_mutex_destroy(&viewer->lock);
	pthread_cond_destroy(&viewer->changed);
	free(viewer);
}

/* The ledger goes on where the last run left it. */
static void resume_ledger(struct viewer *viewer, const struct wal_filter *filter)
{
	const struct consumer_progress *state = &viewer->state;
	uint64_t queued = wal_count_rows(viewer->exporter->wal, state->position, filter);
	atomic_store(&viewer->ledger->delivered, state->delivered);
	atomic_store(&viewer->ledger->queued, (long long)queued);
	atomic_store(&viewer->ledger->accepted, state->delivered + queued);
}

static int start_viewer(struct viewer *viewer, const struct exporter_context *context,
			struct error *err)
{
	struct wal_filter filter = context->filter[viewer->signal];
	filter.raw = true;
	snprintf(viewer->name, sizeof(viewer->name), "%s/%s", context->id,
		 signal_name(viewer->signal));
	viewer->ledger = context->ledger[viewer->signal];
	int rc = progress_consumer(context->progress, viewer->name, wal_end(context->wal), err);
	if (rc < 0)
		return rc;
	viewer->consumer = rc;
	progress_get(context->progress, rc, &viewer->state);
	viewer->saved_position = viewer->settled = viewer->state.position;
	resume_ledger(viewer, &filter);
	rc = wal_reader_new(&viewer->reader, context->wal, &filter, viewer->state.position, err);
	if (rc < 0)
		return rc;
	if (pthread_create(&viewer->thread, NULL, viewer_main, viewer) != 0)
		return error_set(err, STATUS_NO_MEMORY, "cannot start a thread");
	viewer->has_thread = true;
	return 0;
}

static struct viewer *make_viewer(struct debug_exporter *self, enum signal signal)
{
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	if (!viewer)
		return NULL;
	viewer->exporter = self;
	viewer->signal = signal;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&viewer->lock, NULL);
	pthread_cond_init(&viewer->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return viewer;
}

static int open_outputs(struct debug_exporter *self, struct error *err)
{
	const struct debug_options *options = self->options;
	if (options->use_internal_logger || !options->output_paths_count)
		self->outputs[self->output_count++] =
			options->use_internal_logger ? STDERR_FILENO : STDOUT_FILENO;
	if (options->output_paths_count > MAX_OUTPUTS)
		return error_set(err, STATUS_LIMIT, "more than %d output_paths", MAX_OUTPUTS);
	for (size_t i = 0; i < options->output_paths_count; i++) {
		const char *path = options->output_paths[i];
		int fd = !strcmp(path, "stdout") ? STDOUT_FILENO
			 : !strcmp(path, "stderr")
				 ? STDERR_FILENO
				 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return error_set_errno(err, STATUS_IO, errno, "cannot open %s", path);
		self->outputs[self->output_count++] = fd;
	}
	return 0;
}

static void stop(struct exporter *exporter)
{
	struct debug_exporter *self = (struct debug_exporter *)exporter;
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		stop_viewer(self->viewers[signal]);
	for (size_t i = 0; i < self->output_count; i++) {
		if (self->outputs[i] > STDERR_FILENO)
			close(self->outputs[i]);
	}
	pthread_mutex_destroy(&self->lock);
	free(self);
}

static int start(struct exporter **out, const struct exporter_context *context, const void *options,
		 struct error *err)
{
	struct debug_exporter *self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	self->exporter.type = &debug_exporter;
	self->options = options;
	self->chunks = context->chunks;
	self->wal = context->wal;
	self->progress = context->progress;
	pthread_mutex_init(&self->lock, NULL);
	int rc = open_outputs(self, err);
	for (int signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		if (!(context->signals & SIGNAL_BIT(signal)))
			continue;
		self->viewers[signal] = make_viewer(self, (enum signal)signal);
		rc = self->viewers[signal] ? start_viewer(self->viewers[signal], context, err)
					   : error_set(err, STATUS_NO_MEMORY, "out of memory");
	}
	if (rc < 0) {
		stop(&self->exporter);
		return error_prefix(err, "exporter %s", context->id);
	}
	*out = &self->exporter;
	return 0;
}

static int flush_viewer(struct viewer *viewer, uint64_t position, const struct timespec *deadline,
			struct error *err)
{
	int waited = 0;
	wal_reader_wake(viewer->reader);
	pthread_mutex_lock(&viewer->lock);
	while (viewer->settled < position && waited == 0 && !viewer->stopping)
		waited = pthread_cond_timedwait(&viewer->changed, &viewer->lock, deadline);
	bool settled = viewer->settled >= position;
	pthread_mutex_unlock(&viewer->lock);
	return settled ? 0
		       : error_set(err, STATUS_TIMEOUT, "%s: not everything is written yet",
				   viewer->name);
}

static int flush(struct exporter *exporter, uint64_t position, unsigned timeout_ms,
		 struct error *err)
{
	struct debug_exporter *self = (struct debug_exporter *)exporter;
	int64_t until = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
	struct timespec deadline = {until / NS_PER_SECOND, until % NS_PER_SECOND};
	int rc = 0;
	for (int signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		if (self->viewers[signal])
			rc = flush_viewer(self->viewers[signal], position, &deadline, err);
	}
	return rc;
}

const struct exporter_type debug_exporter = {
	.type = {.name = "debug",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Writes what passes, for people to look at.",
		 .options = &debug_option_table},
	.raw = true,
	.start = start,
	.stop = stop,
	.flush = flush,
};
