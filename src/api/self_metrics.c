#include "api/self_metrics.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#include "api/background.h"
#include "api/clickhouse.h"
#include "api/engine_metrics.h"
#include "api/ledger_view.h"
#include "api/process_usage.h"
#include "api/query_queue.h"
#include "api/self_metrics_table.h"
#include "base/chunk.h"
#include "base/clock.h"
#include "pipeline/quarantine.h"
#include "pipeline/wal.h"
#include "store/bridge.h"

#define MAX_VIEWS 512

static void begin(struct metric_writer *w, enum self_metric metric)
{
	metric_begin(w, &self_metric_table[metric]);
}

static void put(struct metric_writer *w, enum self_metric metric, uint64_t value)
{
	begin(w, metric);
	metric_sample(w, NULL, value);
}

static void put_double(struct metric_writer *w, enum self_metric metric, double value)
{
	begin(w, metric);
	metric_sample_double(w, NULL, value);
}

static bool all_listen(const struct status_source *status)
{
	struct status_listener listener;
	for (size_t i = 0; status->listener && status->listener(status->ctx, i, &listener); i++) {
		if (listener.error)
			return false;
	}
	return true;
}

/* --- the process -------------------------------------------------------------------- */

static void put_listeners(struct metric_writer *w, const struct status_source *status)
{
	struct status_listener listener;
	if (!status->listener)
		return;
	begin(w, SELF_METRIC_LISTENER_UP);
	for (size_t i = 0; status->listener(status->ctx, i, &listener); i++) {
		const struct metric_label labels[] = {
			{"listener", listener.name}, {"address", listener.address}, {0}};
		metric_sample(w, labels, listener.error == NULL);
	}
}

static void put_process(struct metric_writer *w, const struct self_metrics_source *source)
{
	const struct status_source *status = source->status;
	const struct metric_label version[] = {{"version", status->version}, {0}};
	struct process_usage usage;
	begin(w, SELF_METRIC_BUILD_INFO);
	metric_sample(w, version, 1);
	if (status->ready) {
		struct buf why = BUF_INIT;
		put(w, SELF_METRIC_READY, status->ready(status->ctx, &why) && all_listen(status));
		buf_release(&why);
	}
	if (process_usage_read(&usage, NULL) == 0) {
		put_double(w, SELF_METRIC_CPU, usage.cpu_seconds);
		put(w, SELF_METRIC_RSS, usage.resident_bytes);
		put(w, SELF_METRIC_VIRTUAL, usage.virtual_bytes);
		put(w, SELF_METRIC_OPEN_FDS, usage.open_fds);
		put(w, SELF_METRIC_MAX_FDS, usage.max_fds);
		put(w, SELF_METRIC_THREADS, usage.threads);
		put_double(w, SELF_METRIC_START, usage.start_seconds);
	}
	if (source->chunks)
		put(w, SELF_METRIC_CHUNKS, chunk_pool_in_use(source->chunks));
	put_listeners(w, status);
}

/* --- the ledger --------------------------------------------------------------------- */

struct views {
	struct receiver_view receivers[MAX_VIEWS];
	struct exporter_view exporters[MAX_VIEWS];
	size_t receiver_count, exporter_count;
	bool balanced;
};

static void take_view(const struct receiver_ledger *receiver,
		      const struct exporter_ledger *exporter, void *arg)
{
	struct views *v = arg;
	if (receiver && v->receiver_count < MAX_VIEWS) {
		struct receiver_view *view = &v->receivers[v->receiver_count++];
		receiver_view_read(view, receiver);
		v->balanced &= view->balanced;
	} else if (exporter && v->exporter_count < MAX_VIEWS) {
		struct exporter_view *view = &v->exporters[v->exporter_count++];
		exporter_view_read(view, exporter);
		v->balanced &= view->balanced;
	}
}

static void put_receiver_reasons(struct metric_writer *w, const struct views *v)
{
	begin(w, SELF_METRIC_RECEIVER_REJECTED);
	for (size_t i = 0; i < v->receiver_count; i++) {
		const struct receiver_view *r = &v->receivers[i];
		for (int k = 0; k < REJECT_REASON_COUNT; k++) {
			const char *reason = reject_reason_name((enum reject_reason)k);
			const struct metric_label labels[] = {{"receiver", r->name},
							      {"signal", signal_name(r->signal)},
							      {"reason", reason},
							      {0}};
			metric_sample(w, labels, r->rejected[k]);
		}
	}
	begin(w, SELF_METRIC_RECEIVER_REFUSED);
	for (size_t i = 0; i < v->receiver_count; i++) {
		const struct receiver_view *r = &v->receivers[i];
		for (int k = 0; k < REFUSE_REASON_COUNT; k++) {
			const char *reason = refuse_reason_name((enum refuse_reason)k);
			const struct metric_label labels[] = {{"receiver", r->name},
							      {"signal", signal_name(r->signal)},
							      {"reason", reason},
							      {0}};
			metric_sample(w, labels, r->refused[k]);
		}
	}
}

static void put_receivers(struct metric_writer *w, const struct views *v)
{
	static const struct {
		enum self_metric metric;
		size_t offset; /* of a uint64_t */
	} families[] = {
		{SELF_METRIC_RECEIVER_RECEIVED, offsetof(struct receiver_view, received)},
		{SELF_METRIC_RECEIVER_ACCEPTED, offsetof(struct receiver_view, accepted)},
		{SELF_METRIC_RECEIVER_REQUESTS, offsetof(struct receiver_view, requests)},
		{SELF_METRIC_RECEIVER_MALFORMED,
		 offsetof(struct receiver_view, malformed_requests)},
		{SELF_METRIC_RECEIVER_BYTES, offsetof(struct receiver_view, bytes)},
	};
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		begin(w, families[f].metric);
		for (size_t i = 0; i < v->receiver_count; i++) {
			const struct receiver_view *r = &v->receivers[i];
			const struct metric_label labels[] = {
				{"receiver", r->name}, {"signal", signal_name(r->signal)}, {0}};
			uint64_t value;
			memcpy(&value, (const char *)r + families[f].offset, sizeof(value));
			metric_sample(w, labels, value);
		}
	}
	put_receiver_reasons(w, v);
}

static void put_exporters(struct metric_writer *w, const struct views *v)
{
	static const struct {
		enum self_metric metric;
		size_t offset; /* of a uint64_t, or of an int64_t that is not negative */
	} families[] = {
		{SELF_METRIC_EXPORTER_ACCEPTED, offsetof(struct exporter_view, accepted)},
		{SELF_METRIC_EXPORTER_DELIVERED, offsetof(struct exporter_view, delivered)},
		{SELF_METRIC_EXPORTER_FILTERED, offsetof(struct exporter_view, filtered)},
		{SELF_METRIC_EXPORTER_QUARANTINED, offsetof(struct exporter_view, quarantined)},
		{SELF_METRIC_EXPORTER_QUEUED, offsetof(struct exporter_view, queued)},
		{SELF_METRIC_EXPORTER_FAILED, offsetof(struct exporter_view, attempts_failed)},
	};
	int64_t now = clock_unix_ns();
	for (size_t f = 0; f <= sizeof(families) / sizeof(families[0]); f++) {
		bool is_lag = f == sizeof(families) / sizeof(families[0]);
		begin(w, is_lag ? SELF_METRIC_EXPORTER_LAG : families[f].metric);
		for (size_t i = 0; i < v->exporter_count; i++) {
			const struct exporter_view *e = &v->exporters[i];
			const struct metric_label labels[] = {
				{"exporter", e->name}, {"signal", signal_name(e->signal)}, {0}};
			uint64_t value;
			if (is_lag) {
				metric_sample_double(w, labels,
						     (double)exporter_view_lag(e, now) / 1e9);
				continue;
			}
			memcpy(&value, (const char *)e + families[f].offset, sizeof(value));
			metric_sample(w, labels, value);
		}
	}
}

static void put_ledger(struct metric_writer *w, struct ledger *ledger)
{
	struct views *v = ledger ? calloc(1, sizeof(*v)) : NULL;
	if (!v)
		return;
	v->balanced = true;
	ledger_each(ledger, take_view, v);
	put_receivers(w, v);
	put_exporters(w, v);
	put(w, SELF_METRIC_BALANCED, v->balanced);
	free(v);
}

/* --- log, quarantine, disk ---------------------------------------------------------- */

static void put_log(struct metric_writer *w, struct wal *wal)
{
	struct wal_stats s;
	if (!wal)
		return;
	wal_stats(wal, &s);
	put(w, SELF_METRIC_LOG_WAITING, s.end - s.keep_from);
	put(w, SELF_METRIC_LOG_MAX, s.max_size);
	put(w, SELF_METRIC_LOG_DISK, s.disk_bytes);
	put(w, SELF_METRIC_LOG_SEGMENTS, s.segments);
	put(w, SELF_METRIC_LOG_SPARE, s.spare_segments);
	put(w, SELF_METRIC_LOG_RECORDS, s.appended_records);
	put(w, SELF_METRIC_LOG_BYTES, s.appended_bytes);
	put(w, SELF_METRIC_LOG_SYNCS, s.syncs);
	put(w, SELF_METRIC_LOG_CACHED, s.cached_bytes);
	put(w, SELF_METRIC_LOG_MISSES, s.cache_misses);
	put(w, SELF_METRIC_LOG_FULL, s.full);
	put(w, SELF_METRIC_LOG_FAILED, s.failed);
}

static void put_data(struct metric_writer *w, const struct status_source *status)
{
	struct statvfs fs;
	uint64_t entries, rows;
	if (status->quarantine) {
		quarantine_count(status->quarantine, &entries, &rows);
		put(w, SELF_METRIC_QUARANTINE_ENTRIES, entries);
		put(w, SELF_METRIC_QUARANTINE_RECORDS, rows);
	}
	if (status->data_dir && statvfs(status->data_dir, &fs) == 0) {
		put(w, SELF_METRIC_DISK_FREE, (uint64_t)fs.f_bavail * fs.f_frsize);
		put(w, SELF_METRIC_DISK_SIZE, (uint64_t)fs.f_blocks * fs.f_frsize);
	}
}

/* --- queries, engine ---------------------------------------------------------------- */

static void put_queries(struct metric_writer *w, const struct self_metrics_source *source)
{
	if (source->queries) {
		struct query_queue_stats stats;
		query_queue_stats(source->queries, &stats);
		put(w, SELF_METRIC_QUERIES_RUNNING, stats.running);
		put(w, SELF_METRIC_QUERIES_WAITING, stats.waiting);
	}
	if (!source->clickhouse)
		return;
	struct clickhouse_counts *c = source->clickhouse->counts;
	const struct {
		const char *result;
		atomic_ullong *count;
	} results[] = {{"answered", &c->answered},
		       {"failed", &c->failed},
		       {"denied", &c->denied},
		       {"refused", &c->refused},
		       {"cancelled", &c->cancelled}};
	begin(w, SELF_METRIC_QUERIES);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		const struct metric_label labels[] = {{"result", results[i].result}, {0}};
		metric_sample(w, labels, atomic_load(results[i].count));
	}
	put(w, SELF_METRIC_QUERY_BYTES, atomic_load(&c->bytes));
}

static void put_tables(struct metric_writer *w, const struct engine_numbers *numbers)
{
	static const enum self_metric metrics[] = {SELF_METRIC_TABLE_PARTS, SELF_METRIC_TABLE_ROWS,
						   SELF_METRIC_TABLE_BYTES};
	for (int m = 0; m < 3; m++) {
		begin(w, metrics[m]);
		for (size_t i = 0; i < numbers->table_count; i++) {
			const struct engine_table *t = &numbers->tables[i];
			const struct metric_label labels[] = {{"table", t->name}, {0}};
			metric_sample(w, labels, m == 0 ? t->parts : m == 1 ? t->rows : t->bytes);
		}
	}
}

static void put_engine(struct metric_writer *w, const struct self_metrics_source *source)
{
	struct status_engine engine = {.pid = 0};
	if (source->status->engine) {
		source->status->engine(source->status->ctx, &engine);
		put(w, SELF_METRIC_ENGINE_RESTARTS, engine.restarts);
		put(w, SELF_METRIC_ENGINE_RSS, engine.rss);
	}
	struct engine_numbers *numbers = source->engine ? malloc(sizeof(*numbers)) : NULL;
	if (!numbers)
		return;
	engine_metrics_get(source->engine, numbers);
	put(w, SELF_METRIC_ENGINE_UP, numbers->known);
	if (numbers->known) {
		put(w, SELF_METRIC_ENGINE_QUERIES, numbers->queries);
		put(w, SELF_METRIC_ENGINE_MERGES, numbers->merges);
		put(w, SELF_METRIC_ENGINE_MEMORY, numbers->memory);
		put_tables(w, numbers);
	}
	free(numbers);
}

/* --- all ---------------------------------------------------------------------------- */

void self_metrics_append(const struct self_metrics_source *source, bool openmetrics,
			 struct buf *out)
{
	struct metric_writer w = {.out = out, .openmetrics = openmetrics};
	put_process(&w, source);
	put_ledger(&w, source->status->ledger);
	put_log(&w, source->status->wal);
	put_data(&w, source->status);
	put_queries(&w, source);
	put_engine(&w, source);
	metric_end(&w);
}

static void run_metrics(struct background_call *call)
{
	bool openmetrics = metric_wants_openmetrics(call->accept);
	struct buf body = BUF_INIT;
	self_metrics_append(call->ctx, openmetrics, &body);
	if (body.failed)
		background_respond_text(call, 503, "no memory for the answer");
	else
		bridge_respond(call->answer, 200, metric_content_type(openmetrics),
			       buf_slice(&body));
	buf_release(&body);
}

static void handle_metrics(struct http_request *req, void *ctx)
{
	const struct self_metrics_api *api = ctx;
	background_run(api->background, req, run_metrics, (void *)api->source);
}

void self_metrics_routes(struct http_route routes[SELF_METRICS_ROUTE_COUNT],
			 struct self_metrics_api *api)
{
	routes[0] = (struct http_route){"GET",       "/metrics",     HTTP_BODY_WHOLE,
					ACCESS_READ, handle_metrics, api};
}
