/* Plays the shop of demo_shop.c. */
#include "app/send/demo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/send/demo_shop.h"
#include "wire/protobuf_write.h"

#define VISITS_PER_STEP 2.0
#define METRICS_EVERY 15 /* steps */
#define MAX_PODS 3
#define BOUNDS 12
#define NS_PER_MILLISECOND 1e6
/* In each so many seconds the payment provider is slow and failing for the first few minutes. */
#define TROUBLE_EVERY 1200
#define TROUBLE_LASTS 240

static const double bounds[BOUNDS] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1,
				      0.25,  0.5,  0.75,  1,    2.5,   5};

struct pod {
	struct buf resource; /* an encoded Resource */
	struct buf records[SIGNAL_COUNT]; /* of this step: ScopeX's fields */
	uint64_t count[SIGNAL_COUNT];
	/* Since the start. */
	uint64_t buckets[BOUNDS + 1], requests, errors;
	double seconds, busy; /* sum of durations; of this metrics interval */
};

struct demo {
	uint64_t start, now, random, steps;
	double visits; /* a part of one that is left over */
	unsigned queue; /* messages that wait for email */
	uint64_t orders;
	struct pod pods[SHOP_SERVICES][MAX_PODS];
	struct buf requests[SIGNAL_COUNT];
	struct buf record, value; /* scratch */
};

/* One call of an operation. */
struct activity {
	uint64_t trace_id[2], parent; /* 0: none */
	uint64_t start;
	unsigned number; /* of the order, product, …: shows in logs and attributes */
};

struct outcome {
	uint64_t end;
	const char *error; /* NULL: it went well */
};

/* --- chance ------------------------------------------------------------------------- */

static uint64_t next(struct demo *demo)
{
	demo->random ^= demo->random << 13;
	demo->random ^= demo->random >> 7;
	demo->random ^= demo->random << 17;
	return demo->random;
}

static double chance(struct demo *demo)
{
	return (double)(next(demo) >> 11) / (double)((uint64_t)1 << 53);
}

/* Most take about the mean, a few much longer: log-normal. */
static uint64_t duration(struct demo *demo, double mean_ms)
{
	double z = 0;
	for (int i = 0; i < 12; i++)
		z += chance(demo);
	return (uint64_t)(mean_ms * exp(0.55 * (z - 6) - 0.15) * NS_PER_MILLISECOND) + 1000;
}

static bool is_in_trouble(uint64_t time)
{
	return time / 1000000000 % TROUBLE_EVERY < TROUBLE_LASTS;
}

/* --- resources ---------------------------------------------------------------------- */

static void make_resource(struct pod *pod, const struct demo_service *service, unsigned number)
{
	struct buf *out = &pod->resource;
	char text[96];
	unsigned hash = 5381;
	for (const char *c = service->name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	pbw_attr(out, 1, "service.name", service->name);
	pbw_attr(out, 1, "service.namespace", "shop");
	pbw_attr(out, 1, "service.version", service->version);
	snprintf(text, sizeof(text), "%s-%08x-%05x", service->name, hash,
		 (hash * (number + 7)) & 0xfffff);
	pbw_attr(out, 1, "service.instance.id", text);
	pbw_attr(out, 1, "k8s.pod.name", text);
	pbw_attr(out, 1, "k8s.deployment.name", service->name);
	pbw_attr(out, 1, "k8s.namespace.name", "shop");
	pbw_attr(out, 1, "k8s.cluster.name", "eu-1");
	snprintf(text, sizeof(text), "node-%u", (hash + number) % 4 + 1);
	pbw_attr(out, 1, "k8s.node.name", text);
	pbw_attr(out, 1, "host.name", text);
	pbw_attr(out, 1, "deployment.environment.name", "production");
	pbw_attr(out, 1, "telemetry.sdk.language", service->language);
	pbw_attr(out, 1, "telemetry.sdk.name", "opentelemetry");
	pbw_attr(out, 1, "process.runtime.description", service->runtime);
	pbw_attr_int(out, 1, "process.pid", 1 + number);
}

static struct pod *pick_pod(struct demo *demo, enum demo_service_id service)
{
	return &demo->pods[service][next(demo) % demo_services[service].pods];
}

/* --- logs --------------------------------------------------------------------------- */

static void put_stack(struct buf *text, const struct demo_service *service, const char *error)
{
	buf_appendf(text, "%s\n", error);
	for (unsigned i = 0; i < 9; i++)
		buf_appendf(text, "\tat shop.%s.%s.step%u(%s.src:%u)\n", service->name,
			    i % 2 ? "Handler" : "Client", i, service->name, 31 + i * 17);
}

static void put_log(struct demo *demo, struct pod *pod, const struct demo_op *op, uint64_t time,
		    const struct activity *activity, uint64_t span, const char *error, double ms)
{
	struct buf *out = &demo->record, text = BUF_INIT;
	const char *level = error ? "ERROR" : ms > op->mean_ms * 6 ? "WARN" : "INFO";
	pbw_fixed64(out, 1, time);
	pbw_uint(out, 2, error ? 17 : *level == 'W' ? 13 : 9);
	pbw_text(out, 3, level);
	if (error)
		buf_appendf(&text, "%s: %s", op->name, error);
	else if (*level == 'W')
		buf_appendf(&text, "%s was slow: %.0f ms", op->name, ms);
	else
		buf_appendf(&text, op->log ? op->log : "%u", activity->number % 900 + 1);
	pbw_bytes(&demo->value, 1, text.data, text.len);
	pbw_message(out, 5, &demo->value);
	pbw_attr(out, 6, "logger.name", demo_services[op->service].scope);
	pbw_attr_int(out, 6, "thread.id", (int64_t)(next(demo) % 16) + 1);
	if (error) {
		buf_clear(&text);
		put_stack(&text, &demo_services[op->service], error);
		pbw_attr(out, 6, "exception.type", "ShopError");
		pbw_attr(out, 6, "exception.message", error);
		pbw_attr(out, 6, "exception.stacktrace", buf_cstr(&text));
	}
	pbw_fixed32(out, 8, 1);
	pbw_bytes(out, 9, activity->trace_id, 16);
	pbw_bytes(out, 10, &span, 8);
	pbw_fixed64(out, 11, time + 150000);
	pbw_message(&pod->records[SIGNAL_LOGS], 2, out);
	pod->count[SIGNAL_LOGS]++;
	buf_release(&text);
}

/* --- spans -------------------------------------------------------------------------- */

enum span_kind { SPAN_SERVER = 2, SPAN_CLIENT = 3, SPAN_PRODUCER = 4, SPAN_CONSUMER = 5 };

static void put_http(struct buf *out, const struct demo_op *op, const struct activity *activity,
		     bool failed)
{
	const char *route = strchr(op->name, ' ');
	char method[8], path[64];
	snprintf(method, sizeof(method), "%.*s", (int)(route - op->name), op->name);
	const char *id = strstr(route, "{id}");
	if (id)
		snprintf(path, sizeof(path), "%.*s%u", (int)(id - route - 1), route + 1,
			 activity->number % 500);
	else
		snprintf(path, sizeof(path), "%s", route + 1);
	pbw_attr(out, 9, "http.request.method", method);
	pbw_attr(out, 9, "http.route", route + 1);
	pbw_attr(out, 9, "url.path", path);
	pbw_attr(out, 9, "url.scheme", "http");
	pbw_attr(out, 9, "network.protocol.version", "1.1");
	pbw_attr_int(out, 9, "http.response.status_code", failed ? 500 : 200);
}

static void put_attributes(struct demo *demo, const struct demo_op *op, enum span_kind kind,
			   const struct activity *activity, bool failed)
{
	struct buf *out = &demo->record;
	char user[32];
	switch (op->kind) {
	case OP_HTTP:
		put_http(out, op, activity, failed);
		break;
	case OP_GRPC:
		pbw_attr(out, 9, "rpc.system", "grpc");
		pbw_attr(out, 9, "rpc.method", strchr(op->name, '/') + 1);
		pbw_attr_int(out, 9, "rpc.grpc.status_code", failed ? 13 : 0);
		break;
	case OP_SQL:
		pbw_attr(out, 9, "db.system.name", "postgresql");
		pbw_attr(out, 9, "db.namespace", demo_services[op->service].name);
		pbw_attr(out, 9, "db.query.text", op->name);
		break;
	case OP_CACHE:
		pbw_attr(out, 9, "db.system.name", "redis");
		pbw_attr(out, 9, "db.operation.name", op->name);
		break;
	case OP_PUBLISH:
	case OP_CONSUME:
		pbw_attr(out, 9, "messaging.system", "kafka");
		pbw_attr(out, 9, "messaging.destination.name", op->name);
		pbw_attr_int(out, 9, "messaging.kafka.message.offset", activity->number);
		break;
	}
	pbw_attr(out, 9, "server.address", demo_services[op->service].name);
	if (kind == SPAN_SERVER && op->service == SHOP_FRONTEND) {
		snprintf(user, sizeof(user), "user-%05u", activity->number % 4000);
		pbw_attr(out, 9, "user.id", user);
		pbw_attr(out, 9, "user_agent.original",
			 activity->number % 3 ? "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
					      : "ShopApp/7.2 (iOS 17.6)");
	}
}

static const char *span_name(const struct demo_op *op, char *out, size_t size)
{
	if (op->kind == OP_SQL)
		snprintf(out, size, "%.6s %s", op->name, demo_services[op->service].name);
	else if (op->kind == OP_PUBLISH || op->kind == OP_CONSUME)
		snprintf(out, size, "%s %s", op->kind == OP_PUBLISH ? "send" : "process", op->name);
	else
		snprintf(out, size, "%s", op->name);
	return out;
}

static void put_span(struct demo *demo, struct pod *pod, const struct demo_op *op,
		     enum span_kind kind, const struct activity *activity, uint64_t id,
		     uint64_t parent, const struct outcome *outcome)
{
	struct buf *out = &demo->record;
	char name[160];
	pbw_bytes(out, 1, activity->trace_id, 16);
	pbw_bytes(out, 2, &id, 8);
	if (parent)
		pbw_bytes(out, 4, &parent, 8);
	pbw_text(out, 5, span_name(op, name, sizeof(name)));
	pbw_uint(out, 6, kind);
	pbw_fixed64(out, 7, activity->start);
	pbw_fixed64(out, 8, outcome->end);
	put_attributes(demo, op, kind, activity, outcome->error != NULL);
	if (outcome->error) {
		struct buf event = BUF_INIT;
		pbw_fixed64(&event, 1, outcome->end);
		pbw_text(&event, 2, "exception");
		pbw_attr(&event, 3, "exception.type", "ShopError");
		pbw_attr(&event, 3, "exception.message", outcome->error);
		pbw_message(out, 11, &event);
		pbw_text(&event, 2, outcome->error);
		pbw_uint(&event, 3, 2);
		pbw_message(out, 15, &event);
		buf_release(&event);
	}
	pbw_fixed32(out, 16, 0x101);
	pbw_message(&pod->records[SIGNAL_TRACES], 2, out);
	pod->count[SIGNAL_TRACES]++;
}

/* --- playing ------------------------------------------------------------------------ */

static void count_request(struct pod *pod, double seconds, bool failed)
{
	unsigned bucket = 0;
	while (bucket < BOUNDS && seconds > bounds[bucket])
		bucket++;
	pod->buckets[bucket]++;
	pod->requests++;
	pod->errors += failed;
	pod->seconds += seconds;
	pod->busy += seconds;
}

static struct outcome play(struct demo *demo, int number, struct activity activity,
			   struct pod *caller);

/* What it needs of others, one after another; stops at what goes wrong. */
static struct outcome play_calls(struct demo *demo, const struct demo_op *op,
				 const struct activity *activity, uint64_t span, struct pod *pod)
{
	struct outcome outcome = {.end = activity->start + duration(demo, op->mean_ms / 2)};
	for (int i = 0; i < OP_MAX_CALLS && op->calls[i] >= 0 && !outcome.error; i++) {
		struct activity inner = *activity;
		/* A cache often makes the database unnecessary. */
		if (i > 0 && demo_ops[op->calls[i - 1]].kind == OP_CACHE && chance(demo) < 0.7)
			continue;
		inner.parent = span;
		inner.start = outcome.end + 20000;
		struct outcome called = play(demo, op->calls[i], inner, pod);
		/* Whoever takes a message does it later, and nobody waits for it. */
		if (demo_ops[op->calls[i]].kind != OP_CONSUME)
			outcome = called;
	}
	return outcome;
}

static struct outcome play(struct demo *demo, int number, struct activity activity,
			   struct pod *caller)
{
	const struct demo_op *op = &demo_ops[number];
	bool trouble = number == OP_CHARGE && is_in_trouble(activity.start);
	bool own_span = op->kind != OP_SQL && op->kind != OP_CACHE && op->kind != OP_PUBLISH;
	bool called = caller && (op->kind == OP_HTTP || op->kind == OP_GRPC);
	struct pod *pod = own_span ? pick_pod(demo, op->service) : caller;
	uint64_t client = next(demo) | 1, id = called ? next(demo) | 1 : client;
	struct activity inside = activity;
	if (op->kind == OP_CONSUME)
		inside.start += duration(demo, 300);
	else if (called)
		inside.start += duration(demo, 0.4);
	struct outcome outcome = play_calls(demo, op, &inside, id, pod);
	outcome.end += duration(demo, op->mean_ms / 2 * (trouble ? 25 : 1));
	if (!outcome.error && chance(demo) < (trouble ? 0.25 : op->error_rate))
		outcome.error = op->error;
	double ms = (double)(outcome.end - inside.start) / NS_PER_MILLISECOND;
	if (own_span) {
		enum span_kind kind = op->kind == OP_CONSUME ? SPAN_CONSUMER : SPAN_SERVER;
		put_span(demo, pod, op, kind, &inside, id, called ? client : activity.parent,
			 &outcome);
		count_request(pod, ms / 1000, outcome.error != NULL);
		if (op->log || outcome.error)
			put_log(demo, pod, op, outcome.end - 1000, &inside, id, outcome.error, ms);
	}
	if (called || !own_span) {
		outcome.end += called ? duration(demo, 0.4) : 0;
		put_span(demo, caller, op, op->kind == OP_PUBLISH ? SPAN_PRODUCER : SPAN_CLIENT,
			 &activity, client, activity.parent, &outcome);
	}
	demo->orders += number == 9 && !outcome.error;
	demo->queue += op->kind == OP_PUBLISH;
	demo->queue -= op->kind == OP_CONSUME && demo->queue && chance(demo) < 0.98;
	return outcome;
}

static void visit(struct demo *demo)
{
	unsigned total = 0, i = 0;
	for (unsigned v = 0; v < DEMO_VISITS; v++)
		total += demo_visits[v].weight;
	unsigned at = (unsigned)(next(demo) % total);
	while (at >= demo_visits[i].weight)
		at -= demo_visits[i++].weight;
	struct activity activity = {.trace_id = {next(demo) | 1, next(demo)},
				    .start = demo->now + next(demo) % DEMO_STEP,
				    .number = (unsigned)(next(demo) % 100000)};
	play(demo, demo_visits[i].op, activity, NULL);
}

/* --- metrics ------------------------------------------------------------------------ */

static void put_double(struct buf *out, unsigned field, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	pbw_fixed64(out, field, bits);
}

/* Wraps the data point in `record` as a metric: `kind` is gauge 5, sum 7, histogram 9. */
static void put_metric(struct demo *demo, struct pod *pod, const char *name, const char *unit,
		       unsigned kind)
{
	struct buf data = BUF_INIT;
	pbw_message(&data, 1, &demo->record);
	if (kind != 5)
		pbw_uint(&data, 2, 2); /* cumulative */
	if (kind == 7)
		pbw_uint(&data, 3, 1); /* monotonic */
	pbw_text(&demo->value, 1, name);
	pbw_text(&demo->value, 3, unit);
	pbw_message(&demo->value, kind, &data);
	pbw_message(&pod->records[SIGNAL_METRICS], 2, &demo->value);
	pod->count[SIGNAL_METRICS]++;
	buf_release(&data);
}

static void put_gauge(struct demo *demo, struct pod *pod, const char *name, const char *unit,
		      double value)
{
	pbw_fixed64(&demo->record, 3, demo->now);
	put_double(&demo->record, 4, value);
	put_metric(demo, pod, name, unit, 5);
}

static void put_counter(struct demo *demo, struct pod *pod, const char *name, const char *unit,
			uint64_t value, const char *state)
{
	pbw_fixed64(&demo->record, 2, demo->start);
	pbw_fixed64(&demo->record, 3, demo->now);
	pbw_fixed64(&demo->record, 6, value);
	if (state)
		pbw_attr(&demo->record, 7, "outcome", state);
	put_metric(demo, pod, name, unit, 7);
}

static void put_histogram(struct demo *demo, struct pod *pod)
{
	struct buf *out = &demo->record;
	pbw_fixed64(out, 2, demo->start);
	pbw_fixed64(out, 3, demo->now);
	pbw_fixed64(out, 4, pod->requests);
	put_double(out, 5, pod->seconds);
	pbw_bytes(out, 6, pod->buckets, sizeof(pod->buckets));
	pbw_bytes(out, 7, bounds, sizeof(bounds));
	pbw_attr(out, 9, "http.request.method", "POST");
	put_metric(demo, pod, "http.server.request.duration", "s", 9);
}

static void put_metrics(struct demo *demo)
{
	for (int s = 0; s < SHOP_SERVICES; s++) {
		for (unsigned p = 0; p < demo_services[s].pods; p++) {
			struct pod *pod = &demo->pods[s][p];
			double busy = pod->busy / METRICS_EVERY;
			double memory = demo_services[s].base_memory_mb *
					(1.05 + 0.04 * chance(demo) +
					 0.15 * (double)(demo->steps % 900) / 900);
			put_histogram(demo, pod);
			put_counter(demo, pod, "shop.requests", "{request}",
				    pod->requests - pod->errors, "ok");
			put_counter(demo, pod, "shop.requests", "{request}", pod->errors, "error");
			put_gauge(demo, pod, "process.cpu.utilization", "1",
				  fmin(0.97, 0.02 + busy * 0.4 + 0.03 * chance(demo)));
			put_gauge(demo, pod, "process.memory.usage", "By", memory * 1048576);
			put_gauge(demo, pod, "http.server.active_requests", "{request}",
				  floor(busy + chance(demo)));
			pod->busy = 0;
		}
	}
	put_gauge(demo, &demo->pods[SHOP_EMAIL][0], "messaging.queue.depth", "{message}",
		  demo->queue);
	put_counter(demo, &demo->pods[SHOP_CHECKOUT][0], "shop.orders", "{order}", demo->orders,
		    NULL);
}

/* --- the public functions ----------------------------------------------------------- */

int demo_new(struct demo **out, uint64_t start, struct error *err)
{
	struct demo *demo = calloc(1, sizeof(*demo));
	if (!demo)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	demo->start = demo->now = start;
	demo->random = start | 1;
	buf_init(&demo->record);
	buf_init(&demo->value);
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		buf_init(&demo->requests[signal]);
	for (int s = 0; s < SHOP_SERVICES; s++) {
		for (unsigned p = 0; p < MAX_PODS; p++) {
			struct pod *pod = &demo->pods[s][p];
			buf_init(&pod->resource);
			for (int signal = 0; signal < SIGNAL_COUNT; signal++)
				buf_init(&pod->records[signal]);
			make_resource(pod, &demo_services[s], p);
		}
	}
	*out = demo;
	return 0;
}

void demo_free(struct demo *demo)
{
	for (int s = 0; s < SHOP_SERVICES; s++) {
		for (unsigned p = 0; p < MAX_PODS; p++) {
			buf_release(&demo->pods[s][p].resource);
			for (int signal = 0; signal < SIGNAL_COUNT; signal++)
				buf_release(&demo->pods[s][p].records[signal]);
		}
	}
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		buf_release(&demo->requests[signal]);
	buf_release(&demo->record);
	buf_release(&demo->value);
	free(demo);
}

uint64_t demo_time(const struct demo *demo)
{
	return demo->now;
}

int demo_step(struct demo *demo)
{
	/* More by day than by night, and never quite even. */
	double hour = (double)(demo->now / 1000000000 % 86400) / 3600;
	demo->visits +=
		VISITS_PER_STEP * (1 + 0.5 * sin((hour - 8) / 24 * 6.2832)) * (0.5 + chance(demo));
	for (; demo->visits >= 1; demo->visits--)
		visit(demo);
	demo->now += DEMO_STEP;
	if (++demo->steps % METRICS_EVERY == 0)
		put_metrics(demo);
	return demo->record.failed || demo->value.failed ? STATUS_NO_MEMORY : 0;
}

static void add_pod(struct demo *demo, struct pod *pod, const struct demo_service *service,
		    enum signal signal)
{
	struct buf whole = BUF_INIT, scope = BUF_INIT, records = BUF_INIT;
	pbw_bytes(&whole, 1, pod->resource.data, pod->resource.len);
	pbw_text(&scope, 1, service->scope);
	pbw_text(&scope, 2, service->version);
	pbw_message(&records, 1, &scope);
	buf_append_slice(&records, buf_slice(&pod->records[signal]));
	pbw_message(&whole, 2, &records);
	pbw_message(&demo->requests[signal], 1, &whole);
	buf_clear(&pod->records[signal]);
	buf_release(&whole);
	buf_release(&scope);
	buf_release(&records);
}

struct slice demo_request(struct demo *demo, enum signal signal, uint64_t *records)
{
	*records = 0;
	buf_clear(&demo->requests[signal]);
	for (int s = 0; s < SHOP_SERVICES; s++) {
		for (unsigned p = 0; p < demo_services[s].pods; p++) {
			struct pod *pod = &demo->pods[s][p];
			if (!pod->count[signal])
				continue;
			*records += pod->count[signal];
			pod->count[signal] = 0;
			add_pod(demo, pod, &demo_services[s], signal);
		}
	}
	return buf_slice(&demo->requests[signal]);
}
