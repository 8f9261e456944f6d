#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/ledger_view.h"
#include "api/status.h"
#include "base/clock.h"
#include "pipeline/quarantine.h"
#include "pipeline/wal.h"
#include "wire/json_write.h"

static void put_text(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, slice_of(key));
	json_write_string(w, slice_of(value));
}

static void put_count(struct json_writer *w, const char *key, uint64_t value)
{
	json_write_key(w, slice_of(key));
	json_write_uint64(w, value);
}

static void put_bool(struct json_writer *w, const char *key, bool value)
{
	json_write_key(w, slice_of(key));
	json_write_bool(w, value);
}

static void put_seconds(struct json_writer *w, const char *key, int64_t ns)
{
	json_write_key(w, slice_of(key));
	int64_t ms = ns / NS_PER_MS; /* no more digits than that */
	json_write_double(w, (double)ms / 1000);
}

/* RFC 3339, milliseconds. */
static void put_time(struct json_writer *w, const char *key, int64_t ns)
{
	char text[40];
	struct tm tm;
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	if (!gmtime_r(&seconds, &tm))
		return;
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(ns % NS_PER_SECOND / NS_PER_MS));
	put_text(w, key, text);
}

/* --- the parts ---------------------------------------------------------------------- */

static void put_engine(struct json_writer *w, const struct status_source *source)
{
	struct status_engine engine = {.state = "stopped"};
	if (!source->engine)
		return;
	source->engine(source->ctx, &engine);
	json_write_key(w, SLICE("engine"));
	json_write_object_begin(w);
	put_text(w, "state", engine.state);
	if (engine.pid)
		put_count(w, "pid", (uint64_t)engine.pid);
	put_count(w, "restarts", engine.restarts);
	if (engine.rss)
		put_count(w, "rss_bytes", engine.rss);
	json_write_object_end(w);
}

static void put_listeners(struct json_writer *w, const struct status_source *source)
{
	struct status_listener listener;
	if (!source->listener)
		return;
	json_write_key(w, SLICE("listeners"));
	json_write_array_begin(w);
	for (size_t i = 0; source->listener(source->ctx, i, &listener); i++) {
		json_write_object_begin(w);
		put_text(w, "name", listener.name);
		put_text(w, "address", listener.address);
		if (listener.error)
			put_text(w, "error", listener.error);
		json_write_object_end(w);
	}
	json_write_array_end(w);
}

static void put_log(struct json_writer *w, struct wal *wal)
{
	struct wal_stats s;
	if (!wal)
		return;
	wal_stats(wal, &s);
	json_write_key(w, SLICE("log"));
	json_write_object_begin(w);
	put_count(w, "waiting_bytes", s.end - s.keep_from);
	put_count(w, "max_bytes", s.max_size);
	put_count(w, "disk_bytes", s.disk_bytes);
	put_count(w, "segments", s.segments);
	put_count(w, "spare_segments", s.spare_segments);
	put_count(w, "appended_records", s.appended_records);
	put_count(w, "appended_bytes", s.appended_bytes);
	put_count(w, "syncs", s.syncs);
	put_count(w, "cached_bytes", s.cached_bytes);
	put_bool(w, "full", s.full);
	put_bool(w, "failed", s.failed);
	json_write_object_end(w);
}

static void put_quarantine(struct json_writer *w, struct quarantine *quarantine)
{
	uint64_t entries, rows;
	if (!quarantine)
		return;
	quarantine_count(quarantine, &entries, &rows);
	json_write_key(w, SLICE("quarantine"));
	json_write_object_begin(w);
	put_count(w, "entries", entries);
	put_count(w, "rows", rows);
	json_write_object_end(w);
}

static void put_disk(struct json_writer *w, const char *path)
{
	struct statvfs fs;
	if (!path || statvfs(path, &fs) != 0)
		return;
	json_write_key(w, SLICE("disk"));
	json_write_object_begin(w);
	put_text(w, "path", path);
	put_count(w, "free_bytes", (uint64_t)fs.f_bavail * fs.f_frsize);
	put_count(w, "size_bytes", (uint64_t)fs.f_blocks * fs.f_frsize);
	json_write_object_end(w);
}

/* --- the ledger --------------------------------------------------------------------- */

struct ledger_json {
	struct json_writer *w;
	bool receivers; /* else exporters */
	bool balanced;
	int64_t now;
};

static void put_receiver(struct json_writer *w, const struct receiver_view *view)
{
	json_write_object_begin(w);
	put_text(w, "receiver", view->name);
	put_text(w, "signal", signal_name(view->signal));
	put_count(w, "received", view->received);
	put_count(w, "accepted", view->accepted);
	json_write_key(w, SLICE("rejected"));
	json_write_object_begin(w);
	for (int i = 0; i < REJECT_REASON_COUNT; i++) {
		if (view->rejected[i])
			put_count(w, reject_reason_name((enum reject_reason)i), view->rejected[i]);
	}
	json_write_object_end(w);
	json_write_key(w, SLICE("refused"));
	json_write_object_begin(w);
	for (int i = 0; i < REFUSE_REASON_COUNT; i++) {
		if (view->refused[i])
			put_count(w, refuse_reason_name((enum refuse_reason)i), view->refused[i]);
	}
	json_write_object_end(w);
	put_count(w, "requests", view->requests);
	put_count(w, "malformed_requests", view->malformed_requests);
	put_count(w, "bytes", view->bytes);
	put_bool(w, "balanced", view->balanced);
	json_write_object_end(w);
}

static void put_exporter(struct json_writer *w, const struct exporter_view *view, int64_t now)
{
	json_write_object_begin(w);
	put_text(w, "exporter", view->name);
	put_text(w, "signal", signal_name(view->signal));
	put_count(w, "accepted", view->accepted);
	put_count(w, "delivered", view->delivered);
	json_write_key(w, SLICE("queued"));
	json_write_int64(w, view->queued);
	put_count(w, "filtered", view->filtered);
	put_count(w, "quarantined", view->quarantined);
	put_count(w, "failed_attempts", view->attempts_failed);
	put_count(w, "peer_rejected", view->peer_rejected);
	json_write_key(w, SLICE("filtered_reasons"));
	json_write_object_begin(w);
	for (int i = 0; i < DELTA_DROP_COUNT; i++) {
		if (view->filtered_deltas[i])
			put_count(w, delta_drop_name((enum delta_drop)i), view->filtered_deltas[i]);
	}
	json_write_object_end(w);
	if (view->waits) {
		put_time(w, "watermark", view->watermark);
	} else {
		json_write_key(w, SLICE("watermark"));
		json_write_null(w);
	}
	put_seconds(w, "lag_seconds", exporter_view_lag(view, now));
	put_bool(w, "balanced", view->balanced);
	json_write_object_end(w);
}

static void put_entry(const struct receiver_ledger *receiver,
		      const struct exporter_ledger *exporter, void *arg)
{
	struct ledger_json *json = arg;
	if (receiver && json->receivers) {
		struct receiver_view view;
		receiver_view_read(&view, receiver);
		json->balanced &= view.balanced;
		put_receiver(json->w, &view);
	} else if (exporter && !json->receivers) {
		struct exporter_view view;
		exporter_view_read(&view, exporter);
		json->balanced &= view.balanced;
		put_exporter(json->w, &view, json->now);
	}
}

static void put_ledger(struct json_writer *w, struct ledger *ledger)
{
	struct ledger_json json = {.w = w, .balanced = true, .now = clock_unix_ns()};
	if (!ledger)
		return;
	for (int i = 0; i < 2; i++) {
		json.receivers = i == 0;
		json_write_key(w, json.receivers ? SLICE("receivers") : SLICE("exporters"));
		json_write_array_begin(w);
		ledger_each(ledger, put_entry, &json);
		json_write_array_end(w);
	}
	put_bool(w, "balanced", json.balanced);
}

/* --- all ---------------------------------------------------------------------------- */

static void put_ready(struct json_writer *w, const struct status_source *source)
{
	struct buf why = BUF_INIT;
	bool ready = !source->ready || source->ready(source->ctx, &why);
	put_bool(w, "ready", ready);
	json_write_key(w, SLICE("reasons"));
	json_write_array_begin(w);
	for (const char *at = ready ? "" : buf_cstr(&why); *at;) {
		size_t len = strcspn(at, "\n");
		if (len)
			json_write_string(w, (struct slice){at, len});
		at += len + (at[len] == '\n');
	}
	json_write_array_end(w);
	buf_release(&why);
}

void status_append_json(const struct status_source *source, struct buf *out)
{
	struct json_writer w = {.out = out};
	json_write_object_begin(&w);
	put_text(&w, "version", source->version);
	put_ready(&w, source);
	put_time(&w, "started", source->started_ns);
	put_seconds(&w, "uptime_seconds", clock_unix_ns() - source->started_ns);
	put_count(&w, "pid", (uint64_t)getpid());
	put_engine(&w, source);
	put_listeners(&w, source);
	put_log(&w, source->wal);
	put_ledger(&w, source->ledger);
	put_quarantine(&w, source->quarantine);
	put_disk(&w, source->data_dir);
	json_write_object_end(&w);
	buf_append_byte(out, '\n');
}
