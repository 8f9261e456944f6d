#include "support/metrics_sample.h"

#include <math.h>
#include <stdio.h>

#include "support/pb_write.h"

enum shape { EVENTS, BYTES, SECONDS, PAGES, PERCENT, CONSTANT, PRECISE, SMALL };

static const struct {
	const char *name, *unit, *help;
	bool sum;
	enum shape shape;
} metrics[] = {
	{"http.server.requests", "{request}", "Requests served", true, EVENTS},
	{"system.network.io", "By", "Bytes sent and received", true, BYTES},
	{"system.cpu.time", "s", "Seconds of each state", true, SECONDS},
	{"system.memory.usage", "By", "Bytes in use", false, PAGES},
	{"system.cpu.utilization", "%", "Percent of a core", false, PERCENT},
	{"system.filesystem.limit", "By", "Size", false, CONSTANT},
	{"process.score", "1", "Of full precision", false, PRECISE},
	{"process.threads", "{thread}", "Threads", false, SMALL},
};

/* Noise that is the same for the same place and time. */
static uint64_t noise(uint64_t a, uint64_t b)
{
	uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) ^ b * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 29;
}

static double value_at(enum shape shape, uint64_t series, uint64_t seconds)
{
	double rate = (double)(noise(series, 1) % 1000) / 7;
	uint64_t n = noise(series, seconds + 2);
	switch (shape) {
	case EVENTS:
		return floor(rate * (double)seconds) + (double)(n % 10);
	case BYTES:
		return floor(rate * 1234 * (double)seconds) + (double)(n % 5000);
	case SECONDS:
		return floor(rate * (double)seconds / 150 * 100 + (double)(n % 50)) / 100;
	case PAGES:
		return (double)(4096 * (100000 + noise(series, seconds / 300) % 50000 + n % 64));
	case PERCENT:
		return (double)(n % 2000 + noise(series, seconds / 600) % 6000) / 100;
	case CONSTANT:
		return (double)(noise(series, 5) % 100 * 1073741824);
	case PRECISE:
		return (double)(n >> 11) * 0x1p-53;
	case SMALL:
		break;
	}
	return (double)(20 + noise(series, seconds / 900) % 10);
}

static void put_double(struct buf *out, unsigned field, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	pbw_fixed64(out, field, bits);
}

static void put_attributes(struct buf *point, unsigned field, unsigned number)
{
	static const char *const methods[] = {"GET", "POST", "PUT"};
	char route[40];
	snprintf(route, sizeof(route), "/api/v1/things/%u", number);
	pbw_attr(point, field, "http.request.method", methods[number % 3]);
	pbw_attr(point, field, "http.route", route);
	pbw_attr_int(point, field, "http.response.status_code", number % 4 ? 200 : 500);
}

static void put_times(struct buf *point, const struct metrics_sample_options *o)
{
	pbw_fixed64(point, 2, o->start_time);
	pbw_fixed64(point, 3, o->time);
}

static void begin_metric(struct buf *metric, const char *name, const char *help, const char *unit)
{
	pbw_text(metric, 1, name);
	pbw_text(metric, 2, help);
	pbw_text(metric, 3, unit);
}

static void numbers(struct buf *scope, const struct metrics_sample_options *o, unsigned host,
		    unsigned m)
{
	struct buf metric = BUF_INIT, data = BUF_INIT, point = BUF_INIT;
	uint64_t seconds = (o->time - o->start_time) / 1000000000;
	begin_metric(&metric, metrics[m].name, metrics[m].help, metrics[m].unit);
	for (unsigned i = 0; i < o->points; i++) {
		double value =
			value_at(metrics[m].shape, ((uint64_t)host << 20) + (m << 12) + i, seconds);
		put_attributes(&point, 7, i);
		put_times(&point, o);
		if (metrics[m].shape == EVENTS)
			pbw_fixed64(&point, 6, (uint64_t)value);
		else
			put_double(&point, 4, value);
		pbw_message(&data, 1, &point);
	}
	if (metrics[m].sum) {
		pbw_uint(&data, 2, 2);
		pbw_uint(&data, 3, 1);
	}
	pbw_message(&metric, metrics[m].sum ? 7 : 5, &data);
	pbw_message(scope, 2, &metric);
	buf_release(&metric);
	buf_release(&data);
	buf_release(&point);
}

static void put_exemplar(struct buf *point, unsigned field, uint64_t time, double value)
{
	struct buf exemplar = BUF_INIT;
	uint64_t id[2] = {noise(time, 1), noise(time, 2)};
	pbw_fixed64(&exemplar, 2, time);
	put_double(&exemplar, 3, value);
	pbw_bytes(&exemplar, 4, id, 8);
	pbw_bytes(&exemplar, 5, id, 16);
	pbw_attr(&exemplar, 7, "user.id", "u-17");
	pbw_message(point, field, &exemplar);
	buf_release(&exemplar);
}

#define BOUNDS 10

static void histogram_point(struct buf *point, const struct metrics_sample_options *o,
			    uint64_t series)
{
	static const double bounds[BOUNDS] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
	uint64_t seconds = (o->time - o->start_time) / 1000000000;
	uint64_t counts[BOUNDS + 1], total = 0;
	for (unsigned i = 0; i <= BOUNDS; i++) {
		counts[i] = (uint64_t)value_at(EVENTS, (series << 4) + i, seconds);
		total += counts[i];
	}
	put_attributes(point, 9, (unsigned)(series & 0xff));
	put_times(point, o);
	pbw_fixed64(point, 4, total);
	put_double(point, 5, (double)total * 0.125);
	pbw_bytes(point, 6, counts, sizeof(counts));
	pbw_bytes(point, 7, bounds, sizeof(bounds));
	put_exemplar(point, 8, o->time - 1000000, 0.3);
}

static void exponential_point(struct buf *point, const struct metrics_sample_options *o,
			      uint64_t series)
{
	struct buf buckets = BUF_INIT, packed = BUF_INIT;
	uint64_t seconds = (o->time - o->start_time) / 1000000000, total = 0;
	for (unsigned i = 0; i < 20; i++) {
		uint64_t count = (uint64_t)value_at(EVENTS, (series << 5) + i, seconds);
		pbw_varint(&packed, count);
		total += count;
	}
	pbw_uint(&buckets, 1, 15); /* zigzag: -8 */
	pbw_message(&buckets, 2, &packed);
	put_attributes(point, 1, (unsigned)(series & 0xff));
	put_times(point, o);
	pbw_fixed64(point, 4, total);
	put_double(point, 5, (double)total * 0.125);
	pbw_uint(point, 6, 6); /* zigzag: 3 */
	pbw_message(point, 8, &buckets);
	put_double(point, 13, 9.5);
	buf_release(&buckets);
	buf_release(&packed);
}

static void summary_point(struct buf *point, const struct metrics_sample_options *o,
			  uint64_t series)
{
	uint64_t seconds = (o->time - o->start_time) / 1000000000;
	put_times(point, o);
	pbw_fixed64(point, 4, seconds);
	put_double(point, 5, (double)seconds / 8);
	for (unsigned i = 0; i < 2; i++) {
		struct buf quantile = BUF_INIT;
		put_double(&quantile, 1, i ? 0.99 : 0.5);
		put_double(&quantile, 2, value_at(PERCENT, series + i, seconds));
		pbw_message(point, 6, &quantile);
		buf_release(&quantile);
	}
	put_attributes(point, 7, (unsigned)(series & 0xff));
}

static void distribution(struct buf *scope, const struct metrics_sample_options *o, unsigned host,
			 unsigned field, const char *name)
{
	struct buf metric = BUF_INIT, data = BUF_INIT, point = BUF_INIT;
	begin_metric(&metric, name, "How long it took", "s");
	for (unsigned i = 0; i < o->points; i++) {
		uint64_t series = ((uint64_t)host << 20) + (field << 12) + i;
		if (field == 9)
			histogram_point(&point, o, series);
		else if (field == 10)
			exponential_point(&point, o, series);
		else
			summary_point(&point, o, series);
		pbw_message(&data, 1, &point);
	}
	if (field != 11)
		pbw_uint(&data, 2, 2);
	pbw_message(&metric, field, &data);
	pbw_message(scope, 2, &metric);
	buf_release(&metric);
	buf_release(&data);
	buf_release(&point);
}

void sample_metrics(struct buf *out, const struct metrics_sample_options *o)
{
	struct buf parent = BUF_INIT, resource = BUF_INIT, scope = BUF_INIT, about = BUF_INIT;
	for (unsigned host = o->first_host; host < o->first_host + o->hosts; host++) {
		char text[40];
		snprintf(text, sizeof(text), "ip-10-0-%u-%u", host / 256, host % 256);
		pbw_attr(&resource, 1, "service.name", "node");
		pbw_attr(&resource, 1, "service.instance.id", text);
		pbw_attr(&resource, 1, "host.name", text);
		pbw_message(&parent, 1, &resource);
		pbw_text(&about, 1, "io.opentelemetry.host");
		pbw_message(&scope, 1, &about);
		for (unsigned m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++)
			numbers(&scope, o, host, m);
		distribution(&scope, o, host, 9, "http.server.request.duration");
		distribution(&scope, o, host, 10, "rpc.server.duration");
		distribution(&scope, o, host, 11, "gc.pause");
		pbw_message(&parent, 2, &scope);
		pbw_message(out, 1, &parent);
	}
	buf_release(&parent);
	buf_release(&resource);
	buf_release(&scope);
	buf_release(&about);
}
