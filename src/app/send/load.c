#include "app/send/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chunk.h"
#include "wire/protobuf_write.h"

#define SERVICES 24
#define PODS 40
#define RECORDS_PER_RESOURCE 64

struct maker {
	uint64_t random;
	struct buf any, kv, event, record, records, scope, resource, parent;
};

/* xorshift64 */
static uint64_t next(struct maker *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random;
}

/* Small numbers are much more frequent, as services, routes and users are. */
static unsigned pick(struct maker *m, unsigned count)
{
	uint64_t r = next(m);
	unsigned a = (unsigned)(r >> 33) % count, b = (unsigned)(r & 0x7fffffff) % count;
	return a < b ? a : b;
}

static void put_text(struct maker *m, struct buf *out, unsigned field, const char *key,
		     const char *value)
{
	pbw_text(&m->any, 1, value);
	pbw_text(&m->kv, 1, key);
	pbw_message(&m->kv, 2, &m->any);
	pbw_message(out, field, &m->kv);
}

static void put_int(struct maker *m, struct buf *out, unsigned field, const char *key,
		    uint64_t value)
{
	pbw_uint(&m->any, 3, value);
	pbw_text(&m->kv, 1, key);
	pbw_message(&m->kv, 2, &m->any);
	pbw_message(out, field, &m->kv);
}

/* --- resources ---------------------------------------------------------------------- */

static const char *const services[SERVICES] = {
	"frontend",  "checkout", "cart",    "catalog",  "payment",   "search",
	"inventory", "shipping", "account", "currency", "recommend", "email",
	"ads",       "reviews",  "fraud",   "ledger",   "gateway",   "images",
	"session",   "quote",    "invoice", "support",  "analytics", "scheduler"};

static void put_resource(struct maker *m)
{
	unsigned service = pick(m, SERVICES), pod = pick(m, PODS);
	char text[64];
	put_text(m, &m->resource, 1, "service.name", services[service]);
	put_text(m, &m->resource, 1, "service.namespace", "shop");
	snprintf(text, sizeof(text), "2.%u.%u", service % 7, pod % 3);
	put_text(m, &m->resource, 1, "service.version", text);
	snprintf(text, sizeof(text), "%s-7d9c8b6f5-%05u", services[service], pod * 7919);
	put_text(m, &m->resource, 1, "k8s.pod.name", text);
	put_text(m, &m->resource, 1, "k8s.namespace.name", "production");
	snprintf(text, sizeof(text), "ip-10-0-%u-%u.eu-central-1.compute.internal", pod / 8,
		 service * 8 + pod % 8);
	put_text(m, &m->resource, 1, "host.name", text);
	put_text(m, &m->resource, 1, "deployment.environment.name", "production");
	pbw_message(&m->parent, 1, &m->resource);
	pbw_text(&m->scope, 1, "io.opentelemetry.shop");
	pbw_text(&m->scope, 2, "1.4.2");
	pbw_message(&m->records, 1, &m->scope);
}

/* --- attributes --------------------------------------------------------------------- */

static const char *const routes[] = {"/api/products/{id}", "/api/cart/items",
				     "/api/checkout",      "/healthz",
				     "/api/search",        "/api/currency/convert",
				     "/api/orders/{id}",   "/api/account/{id}/address"};
static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
static const char *const regions[] = {"eu-central-1", "eu-west-1", "us-east-1", "ap-south-1"};
static const char *const agents[] = {
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
	"okhttp/4.12.0", "curl/8.5.0"};

/* The first eight are in every record. */
static void put_attribute(struct maker *m, unsigned field, unsigned which)
{
	struct buf *out = &m->record;
	char text[64];
	switch (which) {
	case 0:
		put_text(m, out, field, "http.route", routes[pick(m, 8)]);
		return;
	case 1:
		put_text(m, out, field, "http.request.method", methods[pick(m, 4)]);
		return;
	case 2:
		put_int(m, out, field, "http.response.status_code", pick(m, 16) < 14 ? 200 : 500);
		return;
	case 3:
		snprintf(text, sizeof(text), "user-%06u", pick(m, 100000));
		put_text(m, out, field, "user.id", text);
		return;
	case 4:
		snprintf(text, sizeof(text), "10.%u.%u.%u", pick(m, 4), pick(m, 256), pick(m, 256));
		put_text(m, out, field, "client.address", text);
		return;
	case 5:
		snprintf(text, sizeof(text), "worker-%u", pick(m, 16));
		put_text(m, out, field, "thread.name", text);
		return;
	case 6:
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)next(m));
		put_text(m, out, field, "request.id", text);
		return;
	case 7:
		put_int(m, out, field, "http.server.duration_ms", pick(m, 3000));
		return;
	case 8:
		put_text(m, out, field, "user_agent.original", agents[pick(m, 4)]);
		return;
	case 9:
		put_text(m, out, field, "cloud.region", regions[pick(m, 4)]);
		return;
	default:
		snprintf(text, sizeof(text), "app.label.%02u", which);
		char value[32];
		snprintf(value, sizeof(value), "value-%u", pick(m, 50));
		put_text(m, out, field, text, value);
	}
}

static void put_attributes(struct maker *m, unsigned field)
{
	unsigned count = 8 + (next(m) % 4 ? pick(m, 4) : pick(m, 22));
	for (unsigned i = 0; i < count; i++)
		put_attribute(m, field, i);
}

/* --- records ------------------------------------------------------------------------ */

static void put_body(struct maker *m)
{
	char text[1400];
	int n;
	switch (pick(m, 4)) {
	case 0:
		n = snprintf(text, sizeof(text), "GET %s 200 in %u ms", routes[pick(m, 8)],
			     pick(m, 900));
		break;
	case 1:
		n = snprintf(text, sizeof(text),
			     "order %08u of customer %06u was placed with %u items, total %u.%02u "
			     "EUR; inventory reserved in warehouse %s, payment provider answered "
			     "%s, next step is %s",
			     (unsigned)(next(m) % 100000000), pick(m, 1000000), 1 + pick(m, 9),
			     pick(m, 900), pick(m, 100), pick(m, 2) ? "FRA-2" : "AMS-1",
			     pick(m, 10) ? "approved" : "declined",
			     pick(m, 3) ? "packing" : "review");
		break;
	case 2:
		n = snprintf(text, sizeof(text),
			     "{\"level\":\"info\",\"msg\":\"cache lookup\",\"key\":\"product:%u\","
			     "\"hit\":%s,\"took_us\":%u,\"shard\":%u}",
			     pick(m, 50000), pick(m, 3) ? "false" : "true", pick(m, 900),
			     pick(m, 16));
		break;
	default:
		n = snprintf(text, sizeof(text),
			     "java.util.concurrent.TimeoutException: no answer from inventory-%u "
			     "within %u ms",
			     pick(m, 8), 500 + pick(m, 2000));
		for (unsigned i = 0; i < 12; i++)
			n += snprintf(
				text + n, sizeof(text) - (size_t)n,
				"\n\tat com.example.shop.inventory.Client$%u.call(Client.java:%u)",
				i, 40 + pick(m, 400));
	}
	pbw_bytes(&m->any, 1, text, (size_t)n);
	pbw_message(&m->record, 5, &m->any);
}

static void put_log(struct maker *m, uint64_t time)
{
	static const char *const levels[] = {"INFO", "DEBUG", "WARN", "ERROR"};
	static const uint8_t numbers[] = {9, 5, 13, 17};
	unsigned level = pick(m, 4);
	uint64_t id[3] = {next(m), next(m), next(m)};
	pbw_fixed64(&m->record, 1, time);
	pbw_uint(&m->record, 2, numbers[level]);
	pbw_text(&m->record, 3, levels[level]);
	put_body(m);
	put_attributes(m, 6);
	if (next(m) % 2) {
		pbw_bytes(&m->record, 9, id, 16);
		pbw_bytes(&m->record, 10, id + 2, 8);
	}
	pbw_fixed64(&m->record, 11, time);
	pbw_message(&m->records, 2, &m->record);
}

static void put_span(struct maker *m, uint64_t time, uint64_t trace)
{
	uint64_t trace_id[2] = {trace * UINT64_C(0x9e3779b97f4a7c15) | 1, trace};
	uint64_t ids[2] = {next(m), next(m)};
	pbw_bytes(&m->record, 1, trace_id, 16);
	pbw_bytes(&m->record, 2, ids, 8);
	pbw_bytes(&m->record, 4, ids + 1, 8);
	pbw_text(&m->record, 5, routes[pick(m, 8)]);
	pbw_uint(&m->record, 6, 2 + pick(m, 2));
	pbw_fixed64(&m->record, 7, time);
	pbw_fixed64(&m->record, 8, time + 1000 * (1 + (uint64_t)pick(m, 100000)));
	put_attributes(m, 9);
	if (!(next(m) % 4)) {
		pbw_fixed64(&m->event, 1, time + 500);
		pbw_text(&m->event, 2, "cache.miss");
		put_text(m, &m->event, 3, "cache.key", "product:1832");
		pbw_message(&m->record, 11, &m->event);
	}
	if (!(next(m) % 50)) {
		pbw_text(&m->event, 2, "deadline exceeded");
		pbw_uint(&m->event, 3, 2);
		pbw_message(&m->record, 15, &m->event);
	}
	pbw_message(&m->records, 2, &m->record);
}

/* A gauge with one point. */
static void put_point(struct maker *m, uint64_t time)
{
	static const char *const names[] = {
		"process.memory.usage",  "process.cpu.utilization", "http.server.active_requests",
		"db.client.connections", "jvm.threads.count",       "queue.depth"};
	double value = (double)pick(m, 100000) / 100;
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	pbw_fixed64(&m->record, 3, time);
	pbw_fixed64(&m->record, 4, bits);
	for (unsigned i = 0; i < 3; i++)
		put_attribute(m, 7, i);
	pbw_message(&m->event, 1, &m->record);
	pbw_text(&m->kv, 1, names[pick(m, 6)]);
	pbw_message(&m->kv, 5, &m->event);
	pbw_message(&m->records, 2, &m->kv);
}

/* --- requests ----------------------------------------------------------------------- */

static void make(struct maker *m, struct buf *out, enum signal signal, unsigned records,
		 uint64_t seed, uint64_t base)
{
	for (unsigned number = 0; number < records;) {
		unsigned end = number + 1 + (unsigned)(next(m) % RECORDS_PER_RESOURCE);
		put_resource(m);
		for (; number < end && number < records; number++) {
			uint64_t time = base - (records - number) * UINT64_C(10000);
			if (signal == SIGNAL_LOGS)
				put_log(m, time);
			else if (signal == SIGNAL_TRACES)
				put_span(m, time, seed * 1000 + number / 8);
			else
				put_point(m, time);
		}
		pbw_message(&m->parent, 2, &m->records);
		pbw_message(out, 1, &m->parent);
	}
}

/* The fields that lead to records, outermost first, and the fields of records that are times. */
struct path {
	uint32_t down[6]; /* tags; 0 ends */
	uint32_t times[2];
};

static const struct path paths[SIGNAL_COUNT] = {
	[SIGNAL_LOGS] = {{PB_TAG(1, PB_LEN), PB_TAG(2, PB_LEN), PB_TAG(2, PB_LEN)},
			 {PB_TAG(1, PB_FIXED64), PB_TAG(11, PB_FIXED64)}},
	[SIGNAL_TRACES] = {{PB_TAG(1, PB_LEN), PB_TAG(2, PB_LEN), PB_TAG(2, PB_LEN)},
			   {PB_TAG(7, PB_FIXED64), PB_TAG(8, PB_FIXED64)}},
	/* Metric, its gauge, and the points of that. */
	[SIGNAL_METRICS] = {{PB_TAG(1, PB_LEN), PB_TAG(2, PB_LEN), PB_TAG(2, PB_LEN),
			     PB_TAG(5, PB_LEN), PB_TAG(1, PB_LEN)},
			    {PB_TAG(3, PB_FIXED64), PB_TAG(2, PB_FIXED64)}},
};

static void find_times(struct load_request *request, const struct path *path, struct pb_reader r,
		       unsigned level)
{
	bool is_record = !path->down[level];
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag)) {
		struct pb_reader inner;
		if (!is_record && tag == path->down[level]) {
			if (!pb_message(&r, &inner))
				return;
			find_times(request, path, inner, level + 1);
			continue;
		}
		if (is_record && (tag == path->times[0] || tag == path->times[1]))
			request->times[request->time_count++] =
				(uint32_t)((const char *)r.pos - request->protobuf.data);
		if (!pb_skip(&r, tag))
			return;
	}
}

bool load_request_make(struct load_request *request, enum signal signal, unsigned records,
		       uint64_t seed)
{
	static const char padding[CHUNK_PADDING];
	struct maker m = {.random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15)};
	struct buf *bufs[] = {&m.any,     &m.kv,    &m.event,    &m.record,
			      &m.records, &m.scope, &m.resource, &m.parent};
	*request = (struct load_request){.base = UINT64_C(1700000000000000000)};
	buf_init(&request->protobuf);
	for (unsigned i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		buf_init(bufs[i]);
	make(&m, &request->protobuf, signal, records, seed, request->base);
	bool ok = buf_reserve(&request->protobuf, sizeof(padding));
	for (unsigned i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++) {
		ok &= !bufs[i]->failed;
		buf_release(bufs[i]);
	}
	request->times = ok ? calloc(records * 2, sizeof(*request->times)) : NULL;
	if (!request->times) {
		load_request_release(request);
		return false;
	}
	memcpy(request->protobuf.data + request->protobuf.len, padding, sizeof(padding));
	find_times(request, &paths[signal], pb_reader_of(buf_slice(&request->protobuf)), 0);
	return true;
}

void load_request_release(struct load_request *request)
{
	buf_release(&request->protobuf);
	free(request->times);
	*request = (struct load_request){0};
}

void load_request_set_time(struct load_request *request, uint64_t now)
{
	uint64_t shift = now - request->base, time;
	for (size_t i = 0; i < request->time_count; i++) {
		char *at = request->protobuf.data + request->times[i];
		memcpy(&time, at, sizeof(time));
		time += shift;
		memcpy(at, &time, sizeof(time));
	}
	request->base = now;
}
