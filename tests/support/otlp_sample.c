#include "support/otlp_sample.h"

#include "support/pb_write.h"

struct sampler {
	uint64_t random;
	struct buf any, kv, event, record, records, scope, resource, parent;
};

static uint64_t next(struct sampler *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* Skewed: small numbers are much more frequent, as services, routes and users are. */
static unsigned pick(struct sampler *s, unsigned count)
{
	uint64_t r = next(s);
	unsigned a = (unsigned)(r >> 33) % count, b = (unsigned)(r & 0x7fffffff) % count;
	return a < b ? a : b;
}

static void attr_text(struct sampler *s, struct buf *out, unsigned field, const char *key,
		      const char *value)
{
	pbw_text(&s->any, 1, value);
	pbw_text(&s->kv, 1, key);
	pbw_message(&s->kv, 2, &s->any);
	pbw_message(out, field, &s->kv);
}

static void attr_int(struct sampler *s, struct buf *out, unsigned field, const char *key,
		     uint64_t value)
{
	pbw_uint(&s->any, 3, value);
	pbw_text(&s->kv, 1, key);
	pbw_message(&s->kv, 2, &s->any);
	pbw_message(out, field, &s->kv);
}

static void resource(struct sampler *s, unsigned number)
{
	static const char *const services[] = {"checkout", "cart",          "frontend",
					       "payment",  "shipping",      "currency",
					       "search",   "recommendation"};
	char text[64];
	attr_text(s, &s->resource, 1, "service.name", services[number % 8]);
	attr_text(s, &s->resource, 1, "service.namespace", "shop");
	snprintf(text, sizeof(text), "%s-7d9c8b6f5-%05u", services[number % 8], number * 7919);
	attr_text(s, &s->resource, 1, "k8s.pod.name", text);
	snprintf(text, sizeof(text), "ip-10-0-%u-%u.ec2.internal", number / 16, number % 16);
	attr_text(s, &s->resource, 1, "host.name", text);
	attr_text(s, &s->resource, 1, "deployment.environment", "production");
	pbw_message(&s->parent, 1, &s->resource);
	pbw_text(&s->scope, 1, "io.opentelemetry.shop");
	pbw_text(&s->scope, 2, "1.4.2");
}

static const char *const routes[] = {"/api/cart/items",       "/api/products/{id}",
				     "/api/checkout",         "/healthz",
				     "/api/currency/convert", "/api/orders/{id}/status"};
static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

static void log_attribute(struct sampler *s, unsigned which)
{
	char text[64];
	struct buf *out = &s->record;
	switch (which) {
	case 0:
		attr_text(s, out, 6, "http.route", routes[pick(s, 6)]);
		break;
	case 1:
		attr_text(s, out, 6, "http.request.method", methods[pick(s, 4)]);
		break;
	case 2:
		attr_int(s, out, 6, "http.response.status_code", pick(s, 8) ? 200 : 500);
		break;
	case 3:
		snprintf(text, sizeof(text), "user-%06u", pick(s, 100000));
		attr_text(s, out, 6, "user.id", text);
		break;
	case 4:
		snprintf(text, sizeof(text), "10.%u.%u.%u", pick(s, 4), pick(s, 256), pick(s, 256));
		attr_text(s, out, 6, "client.address", text);
		break;
	case 5:
		snprintf(text, sizeof(text), "worker-%u", pick(s, 16));
		attr_text(s, out, 6, "thread.name", text);
		break;
	case 6:
		attr_text(s, out, 6, "code.function", "handleRequest");
		break;
	default:
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)next(s));
		attr_text(s, out, 6, "request.id", text);
	}
}

/* The numbers 0 to count - 1, shuffled when asked for. */
static void order(struct sampler *s, unsigned *numbers, unsigned count, bool shuffle)
{
	for (unsigned i = 0; i < count; i++)
		numbers[i] = i;
	for (unsigned i = count - 1; shuffle && i > 0; i--) {
		unsigned j = (unsigned)(next(s) % (i + 1));
		unsigned n = numbers[i];
		numbers[i] = numbers[j];
		numbers[j] = n;
	}
}

static void body(struct sampler *s)
{
	char text[512];
	snprintf(
		text, sizeof(text),
		"request completed: order %08u for customer %06u was placed with %u items, total "
		"%u.%02u EUR; inventory reserved in warehouse %s after %u ms, payment provider "
		"answered %s, next step is %s and the confirmation mail goes out within %u seconds",
		(unsigned)(next(s) % 100000000), pick(s, 1000000), 1 + pick(s, 9), pick(s, 900),
		pick(s, 100), pick(s, 2) ? "FRA-2" : "AMS-1", pick(s, 2000),
		pick(s, 10) ? "approved" : "declined", pick(s, 3) ? "packing" : "review",
		pick(s, 60));
	pbw_text(&s->any, 1, text);
	pbw_message(&s->record, 5, &s->any);
}

static void log_record(struct sampler *s, uint64_t time, bool shuffle)
{
	static const char *const levels[] = {"INFO", "DEBUG", "WARN", "ERROR"};
	static const uint8_t numbers[] = {9, 5, 13, 17};
	unsigned level = pick(s, 4), which[8];
	uint64_t id[3] = {next(s), next(s), next(s)};
	pbw_fixed64(&s->record, 1, time);
	pbw_uint(&s->record, 2, numbers[level]);
	pbw_text(&s->record, 3, levels[level]);
	body(s);
	order(s, which, 8, shuffle);
	for (unsigned i = 0; i < 8; i++)
		log_attribute(s, which[i]);
	pbw_fixed32(&s->record, 8, 1);
	pbw_bytes(&s->record, 9, id, 16);
	pbw_bytes(&s->record, 10, id + 2, 8);
	pbw_fixed64(&s->record, 11, time + 1000);
	pbw_message(&s->records, 2, &s->record);
}

static void span_attribute(struct sampler *s, unsigned which)
{
	char text[64];
	struct buf *out = &s->record;
	if (which < 8) {
		static const char *const keys[] = {"rpc.system",    "rpc.service",     "rpc.method",
						   "net.peer.name", "db.system",       "db.name",
						   "thread.name",   "messaging.system"};
		static const char *const values[] = {"grpc",        "shop.Cart",  "GetItems",
						     "cart.shop",   "postgresql", "orders",
						     "worker-pool", "kafka"};
		attr_text(s, out, 9, keys[which], values[which]);
	} else if (which == 8) {
		attr_text(s, out, 9, "http.route", routes[pick(s, 6)]);
	} else if (which == 9) {
		attr_int(s, out, 9, "http.status_code", pick(s, 8) ? 200 : 500);
	} else if (which == 10) {
		attr_int(s, out, 9, "thread.id", pick(s, 64));
	} else {
		snprintf(text, sizeof(text), "u%05u", pick(s, 100000));
		attr_text(s, out, 9, "enduser.id", text);
	}
}

static void span_record(struct sampler *s, uint64_t time, uint64_t trace, bool shuffle)
{
	unsigned which[12];
	uint64_t trace_id[2] = {trace * UINT64_C(0x9e3779b97f4a7c15), trace + 1};
	uint64_t ids[2] = {next(s), next(s)};
	pbw_bytes(&s->record, 1, trace_id, 16);
	pbw_bytes(&s->record, 2, ids, 8);
	pbw_bytes(&s->record, 4, ids + 1, 8);
	pbw_text(&s->record, 5, routes[pick(s, 6)]);
	pbw_uint(&s->record, 6, 2 + pick(s, 2));
	pbw_fixed64(&s->record, 7, time);
	pbw_fixed64(&s->record, 8, time + 1000 * (1 + pick(s, 100000)));
	order(s, which, 12, shuffle);
	for (unsigned i = 0; i < 12; i++)
		span_attribute(s, which[i]);
	if (!pick(s, 3)) {
		pbw_fixed64(&s->event, 1, time + 500);
		pbw_text(&s->event, 2, "cache.miss");
		attr_text(s, &s->event, 3, "cache.key", "product:1832");
		pbw_message(&s->record, 11, &s->event);
	}
	pbw_message(&s->records, 2, &s->record);
}

static void request(struct buf *out, const struct sample_options *options, bool spans)
{
	struct sampler s = {.random = options->seed * 2 + 1};
	struct buf *bufs[] = {&s.any,     &s.kv,    &s.event,    &s.record,
			      &s.records, &s.scope, &s.resource, &s.parent};
	for (unsigned i = 0; i < 8; i++)
		buf_init(bufs[i]);
	unsigned number = 0;
	for (unsigned r = 0; r < options->resources; r++) {
		resource(&s, (unsigned)(options->seed % 97) + r);
		pbw_message(&s.records, 1, &s.scope);
		unsigned end =
			(unsigned)((uint64_t)options->records * (r + 1) / options->resources);
		for (; number < end; number++) {
			uint64_t time = options->start_time + number * UINT64_C(10000);
			if (spans)
				span_record(&s, time, options->seed * 1000 + number / 8,
					    options->shuffle);
			else
				log_record(&s, time, options->shuffle);
		}
		pbw_message(&s.parent, 2, &s.records);
		pbw_message(out, 1, &s.parent);
	}
	for (unsigned i = 0; i < 8; i++)
		buf_release(bufs[i]);
}

void sample_logs(struct buf *out, const struct sample_options *options)
{
	request(out, options, false);
}

void sample_spans(struct buf *out, const struct sample_options *options)
{
	request(out, options, true);
}
