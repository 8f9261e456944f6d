#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/chunk.h"
#include "base/clock.h"
#include "telemetry/otlp_json.h"
#include "telemetry/otlp_metrics.h"
#include "wire/double_text.h"

/* The batch as lines; see the tests for what they look like. */

static void put_labels(struct buf *out, const struct metric_batch *b, const struct metric_series *s)
{
	buf_append_slice(out, s->name);
	buf_append_byte(out, '{');
	struct slice last = SLICE("");
	for (uint32_t i = 0; i < metric_series_labels(s); i++) {
		struct label label = metric_series_label(b, s, i);
		buf_appendf(out, "%s%.*s=%.*s", i ? "," : "", SLICE_ARG(label.name),
			    SLICE_ARG(label.value));
		/* sorted, no name twice, no value empty */
		size_t n = last.len < label.name.len ? last.len : label.name.len;
		int order = n ? memcmp(last.ptr, label.name.ptr, n) : 0;
		assert_true(order < 0 || (order == 0 && last.len < label.name.len));
		assert_true(label.value.len > 0);
		last = label.name;
	}
	buf_append_byte(out, '}');
}

static void put_double(struct buf *out, double value)
{
	uint64_t bits;
	char text[NUMBER_TEXT_MAX];
	memcpy(&bits, &value, 8);
	if (bits == METRIC_STALE_BITS)
		buf_append_cstr(out, "stale");
	else
		buf_append(out, text, double_text(value, text));
}

static void put_counts(struct buf *out, const char *name, const struct metric_batch *b,
		       int32_t offset, uint32_t first, uint32_t count)
{
	buf_appendf(out, " %s=%d:", name, offset);
	for (uint32_t i = 0; i < count; i++)
		buf_appendf(out, "%s%llu", i ? "," : "",
			    (unsigned long long)b->bucket_counts[first + i]);
}

static void put_exponential(struct buf *out, const struct metric_batch *b,
			    const struct exponential_point *p)
{
	put_labels(out, b, &b->series[p->series]);
	buf_appendf(out, " exponential @%lld since %lld%s%s scale=%d count=%llu zero=%llu",
		    (long long)p->time, (long long)p->start, p->stale ? " stale" : "",
		    p->flags & SAMPLE_DELTA ? " delta" : "", p->scale, (unsigned long long)p->count,
		    (unsigned long long)p->zero_count);
	put_counts(out, "positive", b, p->positive_offset, p->positive_first, p->positive_count);
	put_counts(out, "negative", b, p->negative_offset, p->negative_first, p->negative_count);
	if (p->has_sum)
		buf_appendf(out, " sum=%g", p->sum);
	if (p->has_min)
		buf_appendf(out, " min=%g", p->min);
	if (p->has_max)
		buf_appendf(out, " max=%g", p->max);
	buf_appendf(out, " threshold=%g\n", p->zero_threshold);
}

static void put_exemplar(struct buf *out, const struct metric_batch *b,
			 const struct metric_exemplar *e)
{
	put_labels(out, b, &b->series[e->series]);
	buf_appendf(out, " exemplar @%lld %g trace=%02x%02x span=%02x", (long long)e->time,
		    e->value, e->trace_id[0], e->trace_id[15], e->span_id[7]);
	for (uint32_t i = 0; i < e->label_count; i++)
		buf_appendf(out, " %.*s=%.*s", SLICE_ARG(b->labels[e->first_label + i].name),
			    SLICE_ARG(b->labels[e->first_label + i].value));
	buf_append_byte(out, '\n');
}

static void put_batch(struct buf *out, const struct metric_batch *b)
{
	for (uint32_t i = 0; i < b->family_count; i++) {
		const struct metric_family *f = &b->families[i];
		buf_appendf(out, "# %.*s %s [%.*s] %.*s\n", SLICE_ARG(f->name),
			    metric_type_name(f->type), SLICE_ARG(f->unit), SLICE_ARG(f->help));
	}
	for (uint32_t i = 0; i < b->sample_count; i++) {
		put_labels(out, b, &b->series[b->sample_series[i]]);
		buf_append_byte(out, ' ');
		put_double(out, b->sample_value[i]);
		buf_appendf(out, " @%lld", (long long)b->sample_time[i]);
		if (b->sample_start[i])
			buf_appendf(out, " since %lld", (long long)b->sample_start[i]);
		buf_appendf(out, "%s\n", b->sample_flags[i] & SAMPLE_DELTA ? " delta" : "");
	}
	for (uint32_t i = 0; i < b->exponential_count; i++)
		put_exponential(out, b, &b->exponentials[i]);
	for (uint32_t i = 0; i < b->exemplar_count; i++)
		put_exemplar(out, b, &b->exemplars[i]);
}

static struct metric_batch batch;
static struct rejects rejects;
static const struct otlp_metrics_options defaults = {
	.decode = {.received_time = UINT64_C(5000000000)}};

/* Decodes from a block of its exact size and the promised padding, which the caller frees. */
static char *decode(struct slice pb, const struct otlp_metrics_options *options, int want,
		    struct error *err)
{
	char *copy = calloc(1, pb.len + CHUNK_PADDING);
	if (pb.len)
		memcpy(copy, pb.ptr, pb.len);
	struct slice bytes = {copy, pb.len};
	int rc = otlp_decode_metrics(&batch, bytes, options, &rejects, err);
	if (rc != want)
		fail_msg("%d instead of %d: %s", rc, want, err->message);
	return copy;
}

static void expect_lines(const char *json, const struct otlp_metrics_options *options,
			 const char *want)
{
	struct buf pb = BUF_INIT, got = BUF_INIT;
	struct error err = {0};
	if (otlp_json_to_protobuf(&otlp_metrics_request, slice_of(json), &pb, &err) < 0)
		fail_msg("%s", err.message);
	char *bytes = decode(buf_slice(&pb), options, 0, &err);
	put_batch(&got, &batch);
	if (strcmp(buf_cstr(&got), want) != 0)
		fail_msg("got\n%s(%s)\nnot\n%s", buf_cstr(&got), rejects.example, want);
	free(bytes);
	buf_release(&pb);
	buf_release(&got);
}

#define REQUEST(resource, scope, metrics)                                                          \
	"{\"resourceMetrics\":[{\"resource\":{\"attributes\":[" resource                           \
	"]},\"scopeMetrics\":[{\"scope\":{" scope "},\"metrics\":[" metrics "]}]}]}"
#define ATTR(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define INT_ATTR(key, value) "{\"key\":\"" key "\",\"value\":{\"intValue\":" #value "}}"
#define ATTRS(list) "\"attributes\":[" list "]"
#define AT "\"timeUnixNano\":2000999999"
#define SINCE "\"startTimeUnixNano\":1000000000"

static void gauges_and_sums(void **state)
{
	expect_lines(
		REQUEST("", "",
			"{\"name\":\"queue.length\",\"description\":\"How "
			"long\",\"unit\":\"{item}\","
			"\"gauge\":{\"dataPoints\":[{\"asInt\":-7," AT "},{\"asDouble\":1.5," ATTRS(
				ATTR("a.b", "x")) "," SINCE "}]}},"
						  "{\"name\":\"http.requests\",\"unit\":\"1\","
						  "\"sum\":{\"isMonotonic\":true,"
						  "\"aggregationTemporality\":2,\"dataPoints\":[{"
						  "\"asInt\":3," AT "," SINCE "}]}},"
						  "{\"name\":\"heap\",\"unit\":\"By\",\"sum\":{"
						  "\"aggregationTemporality\":1,"
						  "\"dataPoints\":[{\"asDouble\":0.5," AT "," SINCE
						  "}]}}"),
		&defaults,
		"# queue_length gauge [] How long\n"
		"# http_requests_total counter [] \n"
		"# heap_bytes gauge [bytes] \n"
		"queue_length{} -7 @2000\n"
		"queue_length{a_b=x} 1.5 @5000\n"
		"http_requests_total{} 3 @2000 since 1000\n"
		"heap_bytes{} 0.5 @2000 since 1000 delta\n");
}

/* The first point ever decoded has no label: there is no array of labels yet to point into. */
static void first_point_without_labels(void **state)
{
	struct metric_batch fresh = {0};
	metric_batch_clear(&fresh, 1 << 20);
	assert_null(metric_batch_reserve_labels(&fresh, 0));
	metric_batch_release(&fresh);
	metric_batch_release(&batch);
	expect_lines(REQUEST("", "",
			     "{\"name\":\"up\",\"gauge\":{\"dataPoints\":[{\"asInt\":1," AT "}]}}"),
		     &defaults, "# up gauge [] \nup{} 1 @2000\n");
	assert_null(batch.labels);
}

static void histograms(void **state)
{
	expect_lines(REQUEST("", "",
			     "{\"name\":\"lat\",\"unit\":\"s\",\"histogram\":{"
			     "\"aggregationTemporality\":2,"
			     "\"dataPoints\":[{" AT ",\"count\":10,\"sum\":2.5,"
			     "\"explicitBounds\":[-1,1e-7,2.5,1e21],\"bucketCounts\":[1,2,3,4,0],"
			     "\"min\":1,\"max\":9," ATTRS(ATTR("x", "1") "," ATTR(
				     "a", "2")) "},"
						"{" AT ",\"count\":\"4\"," ATTRS(ATTR(
							"le", "mine")) "},"
								       "{" AT ",\"flags\":1}]}}"),
		     &defaults,
		     "# lat_seconds histogram [seconds] \n"
		     "lat_seconds_bucket{a=2,le=-1,x=1} 1 @2000\n"
		     "lat_seconds_bucket{a=2,le=0.0000001,x=1} 3 @2000\n"
		     "lat_seconds_bucket{a=2,le=2.5,x=1} 6 @2000\n"
		     "lat_seconds_bucket{a=2,le=1000000000000000000000,x=1} 10 @2000\n"
		     "lat_seconds_bucket{a=2,le=+Inf,x=1} 10 @2000\n"
		     "lat_seconds_count{a=2,x=1} 10 @2000\n"
		     "lat_seconds_sum{a=2,x=1} 2.5 @2000\n"
		     "lat_seconds_bucket{le=+Inf} 4 @2000\n"
		     "lat_seconds_count{} 4 @2000\n"
		     "lat_seconds_bucket{le=+Inf} stale @2000\n"
		     "lat_seconds_count{} stale @2000\n"
		     "lat_seconds_sum{} stale @2000\n");
	/* +Inf as an explicit bound is the bucket that is always there */
	expect_lines(REQUEST("", "",
			     "{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":1,"
			     "\"dataPoints\":[{" AT
			     ",\"count\":3,\"explicitBounds\":[1,\"Infinity\"],"
			     "\"bucketCounts\":[1,2,0]}]}}"),
		     &defaults,
		     "# h histogram [] \n"
		     "h_bucket{le=1} 1 @2000 delta\n"
		     "h_bucket{le=+Inf} 3 @2000 delta\n"
		     "h_count{} 3 @2000 delta\n");
}

static void exponential_histograms(void **state)
{
	expect_lines(
		REQUEST("", "",
			"{\"name\":\"e\",\"exponentialHistogram\":{\"aggregationTemporality\":1,"
			"\"dataPoints\":[{" AT "," SINCE
			",\"count\":\"12\",\"sum\":4,\"scale\":20,\"zeroCount\":1,"
			"\"negative\":{\"offset\":5,\"bucketCounts\":[7]},"
			"\"positive\":{\"offset\":-3,\"bucketCounts\":[\"18446744073709551615\",0,"
			"3]},"
			"\"min\":0.5,\"max\":8,\"zeroThreshold\":0.25},"
			"{" AT ",\"flags\":1,\"count\":3}]}}"),
		&defaults,
		"# e histogram [] \n"
		"e{} exponential @2000 since 1000 delta scale=20 count=12 zero=1 "
		"positive=-3:18446744073709551615,0,3 negative=5:7 sum=4 min=0.5 max=8 "
		"threshold=0.25\n"
		"e{} exponential @2000 since 0 stale scale=0 count=0 zero=0 positive=0: "
		"negative=0: "
		"threshold=0\n");
}

static void summaries(void **state)
{
	expect_lines(REQUEST("", "",
			     "{\"name\":\"s\",\"summary\":{\"dataPoints\":[{" AT "," SINCE
			     ",\"count\":2,\"sum\":3,\"quantileValues\":[{\"quantile\":0.5,"
			     "\"value\":1},{\"quantile\":1,\"value\":2}]," ATTRS(
				     ATTR("quantile", "x") "," ATTR("z", "y")) "}]}}"),
		     &defaults,
		     "# s summary [] \n"
		     "s{quantile=0.5,z=y} 1 @2000\n"
		     "s{quantile=1,z=y} 2 @2000\n"
		     "s_count{z=y} 2 @2000 since 1000\n"
		     "s_sum{z=y} 3 @2000 since 1000\n");
}

static void labels_come_from_everywhere(void **state)
{
	static const char json[] = REQUEST(
		ATTR("service.name", "cart") "," ATTR("service.namespace", "shop") "," ATTR(
			"service.instance.id", "i-1") "," ATTR("host.name",
							       "h") "," INT_ATTR("host."
										 "cpu"
										 "s",
										 4),
		"\"name\":\"lib\",\"version\":\"1.2\"," ATTRS(
			ATTR("k.v", "sv") "," ATTR("name", "no")),
		"{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"asInt\":1," AT
		"," ATTRS(ATTR("job", "lost") "," ATTR("b_c", "2") "," ATTR("b.c", "1") "," ATTR(
			"empty", "") "," ATTR("9lives", "x") "," ATTR("__name__", "no")) "}]}}");
	expect_lines(json, &defaults,
		     "# g gauge [] \n"
		     "# target_info info [] Target metadata\n"
		     "g{b_c=1;2,instance=i-1,job=shop/cart,key_9lives=x,otel_scope_k_v=sv,"
		     "otel_scope_name=lib,otel_scope_version=1.2} 1 @2000\n"
		     "target_info{host_cpus=4,host_name=h,instance=i-1,job=shop/cart} 1 @2000\n");
	struct otlp_metrics_options options = defaults;
	options.no_scope_labels = options.no_target_info = true;
	expect_lines(json, &options,
		     "# g gauge [] \n"
		     "g{b_c=1;2,instance=i-1,job=shop/cart,key_9lives=x} 1 @2000\n");
}

static void target_info_needs_a_target_and_more(void **state)
{
	expect_lines(REQUEST(ATTR("service.name", "a"), "",
			     "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"asInt\":1," AT "}]}}"),
		     &defaults,
		     "# g gauge [] \n"
		     "g{job=a} 1 @2000\n");
	expect_lines(REQUEST(ATTR("host.name", "a"), "",
			     "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"asInt\":1," AT "}]}}"),
		     &defaults,
		     "# g gauge [] \n"
		     "g{} 1 @2000\n");
	/* 400 s apart: at both ends, and every 150 s between */
	expect_lines(REQUEST(ATTR("service.name", "a") "," ATTR("host.name", "h"), "",
			     "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"asInt\":1,"
			     "\"timeUnixNano\":\"500000000000\"},{\"asInt\":2,\"timeUnixNano\":"
			     "\"100000000000\"}]}}"),
		     &defaults,
		     "# g gauge [] \n"
		     "# target_info info [] Target metadata\n"
		     "g{job=a} 1 @500000\n"
		     "g{job=a} 2 @100000\n"
		     "target_info{host_name=h,job=a} 1 @100000\n"
		     "target_info{host_name=h,job=a} 1 @250000\n"
		     "target_info{host_name=h,job=a} 1 @400000\n"
		     "target_info{host_name=h,job=a} 1 @500000\n");
}

/* The number of samples that gauge points at `times` make with those of target_info. */
static uint32_t samples_with_target_info(const uint64_t *times, unsigned count)
{
	struct buf pb = BUF_INIT, json = BUF_INIT;
	struct error err;
	buf_append_cstr(&json, "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[" ATTR(
				       "service.name", "a") "," ATTR("host.name", "h"));
	buf_append_cstr(&json, "]},\"scopeMetrics\":[{\"metrics\":[{\"name\":\"g\",\"gauge\":{"
			       "\"dataPoints\":[");
	for (unsigned i = 0; i < count; i++)
		buf_appendf(&json, "%s{\"asInt\":1,\"timeUnixNano\":\"%llu\"}", i ? "," : "",
			    (unsigned long long)times[i]);
	buf_append_cstr(&json, "]}}]}]}]}");
	assert_int_equal(otlp_json_to_protobuf(&otlp_metrics_request, buf_slice(&json), &pb, &err),
			 0);
	free(decode(buf_slice(&pb), &defaults, 0, &err));
	buf_release(&pb);
	buf_release(&json);
	return batch.sample_count;
}

static void target_info_is_bounded(void **state)
{
	const uint64_t days[] = {1, NS_PER_DAY, 2 * NS_PER_DAY, 3 * NS_PER_DAY - 1};
	uint32_t samples = samples_with_target_info(days, 4);
	assert_true(samples > 900 && samples < 1100);
}

/* Else two points would be enough for a thousand partitions. */
static void target_info_makes_no_days(void **state)
{
	const uint64_t ends[] = {1, UINT64_C(4102444799000000000)};
	assert_int_equal(samples_with_target_info(ends, 2), 4);
	assert_int_equal(batch.sample_time[2], 0);
	assert_int_equal(batch.sample_time[3], INT64_C(4102444799000));
}

static void too_many_days_reject_one_point(void **state)
{
	static uint64_t times[OTLP_MAX_DAYS + 2];
	unsigned n = 0;
	for (; n < OTLP_MAX_DAYS + 1; n++)
		times[n] = (n + 1) * NS_PER_DAY;
	times[n++] = NS_PER_DAY + 1;
	samples_with_target_info(times, n);
	assert_int_equal(batch.points, OTLP_MAX_DAYS + 1);
	assert_int_equal(rejects.total, 1);
	assert_int_equal(rejects.count[REJECT_TOO_MANY_DAYS], 1);
	for (uint32_t i = 0; i < batch.sample_count; i++)
		assert_true(batch.sample_time[i] < (int64_t)(times[OTLP_MAX_DAYS] / 1000000));
}

static void exemplars(void **state)
{
#define EXEMPLAR(time, value) "{\"timeUnixNano\":" #time "000000,\"asDouble\":" #value "}"
	expect_lines(
		REQUEST("", "",
			"{\"name\":\"h\",\"histogram\":{\"aggregationTemporality\":2,"
			"\"dataPoints\":["
			"{" AT ",\"count\":3,\"explicitBounds\":[1,5],\"bucketCounts\":[1,1,1],"
			"\"exemplars\":[" EXEMPLAR(1, 7) "," EXEMPLAR(2, 1) "," EXEMPLAR(
				3,
				0.5) ",{\"asInt\":2,\"traceId\":"
				     "\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
				     "\"0000000000000005\",\"filteredAttributes\":[" ATTR(
					     "z",
					     "1") "," ATTR("a.b",
							   "2") "]}]}]}},"
								"{\"name\":\"g\","
								"\"gauge\":{"
								"\"dataPoints\":[{"
								"\"asInt\":1," AT
								",\"exemplars\":[" EXEMPLAR(
									1,
									1) "]}]}},"
									   "{\"name\":\"c\","
									   "\"sum\":{"
									   "\"isMonotonic\":true,"
									   "\"aggregationTemporalit"
									   "y\":2,"
									   "\"dataPoints\":[{"
									   "\"asInt\":1," AT
									   ",\"exemplars\":"
									   "[" EXEMPLAR(4,
											1) "]}]}}"),
		&defaults,
		"# h histogram [] \n"
		"# g gauge [] \n"
		"# c_total counter [] \n"
		"h_bucket{le=1} 1 @2000\n"
		"h_bucket{le=5} 2 @2000\n"
		"h_bucket{le=+Inf} 3 @2000\n"
		"h_count{} 3 @2000\n"
		"g{} 1 @2000\n"
		"c_total{} 1 @2000\n"
		"h_bucket{le=1} exemplar @2 1 trace=0000 span=00\n"
		"h_bucket{le=1} exemplar @3 0.5 trace=0000 span=00\n"
		"h_bucket{le=5} exemplar @2000 2 trace=0110 span=05 a_b=2 z=1\n"
		"h_bucket{le=+Inf} exemplar @1 7 trace=0000 span=00\n"
		"c_total{} exemplar @4 1 trace=0000 span=00\n");
}

static void types_from_metadata(void **state)
{
#define HINTED(name, type)                                                                         \
	"{\"name\":\"" name                                                                        \
	"\",\"metadata\":[" ATTR("prometheus.type", type) "],"                                     \
							  "\"gauge\":{\"dataPoints\":[]}}"
	expect_lines(REQUEST("", "",
			     HINTED("a", "info") "," HINTED("b", "unknown") "," HINTED(
				     "c", "counter") "," HINTED("d", "stateset")),
		     &defaults, "# a info [] \n# b unknown [] \n# c gauge [] \n# d stateset [] \n");
}

static void expect_reject(const char *metric, enum reject_reason reason, uint64_t count,
			  const char *example)
{
	struct buf json = BUF_INIT, pb = BUF_INIT;
	struct error err = {0};
	struct otlp_metrics_options options = defaults;
	options.decode.expire_before = 1000;
	options.decode.reject_after = UINT64_C(4102444700000000000);
	buf_appendf(&json,
		    REQUEST("", "",
			    "{\"name\":\"ok\",\"gauge\":{\"dataPoints\":[{\"asInt\":1}]}},%s,"
			    "{\"name\":\"ok\",\"gauge\":{\"dataPoints\":[{\"asInt\":2}]}}"),
		    metric);
	if (otlp_json_to_protobuf(&otlp_metrics_request, buf_slice(&json), &pb, &err) < 0)
		fail_msg("%s", err.message);
	free(decode(buf_slice(&pb), &options, 0, &err));
	assert_int_equal(rejects.total, count);
	assert_int_equal(rejects.count[reason], count);
	assert_string_equal(rejects.example, example);
	assert_int_equal(batch.sample_count, 2);
	assert_int_equal(batch.series_count, 1);
	buf_release(&json);
	buf_release(&pb);
}

#define POINT(fields) "{\"name\":\"x\",\"gauge\":{\"dataPoints\":[{" fields "}]}}"
#define HISTOGRAM(fields)                                                                          \
	"{\"name\":\"x\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{" fields     \
	"}]}}"
#define EXPONENTIAL(fields)                                                                        \
	"{\"name\":\"x\",\"exponentialHistogram\":{\"aggregationTemporality\":2,\"dataPoints\":["  \
	"{" fields "}]}}"

static void bad_points_are_rejected_alone(void **state)
{
	expect_reject(POINT(AT), REJECT_NO_VALUE, 1, "data point 1: data point has no value");
	expect_reject(POINT("\"asInt\":1,\"timeUnixNano\":999"), REJECT_EXPIRED, 1,
		      "data point 1: data point's time is older than the retention");
	expect_reject(POINT("\"asInt\":1,\"timeUnixNano\":\"18446744073709551615\""),
		      REJECT_INVALID_TIME, 1, "data point 1: data point's time is out of range");
	expect_reject(POINT("\"asInt\":1,\"timeUnixNano\":\"4102444700000000001\""),
		      REJECT_TOO_FAR_IN_THE_FUTURE, 1,
		      "data point 1: data point's time is too far in the future");
	expect_reject("{\"name\":\"x\",\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
		      "\"asInt\":1,\"exemplars\":[{\"asInt\":1,\"timeUnixNano\":"
		      "\"4102444700000000001\"}]}]}}",
		      REJECT_TOO_FAR_IN_THE_FUTURE, 1,
		      "data point 1: exemplar's time is too far in the future");
	expect_reject(POINT("\"asInt\":1," ATTRS(ATTR("", "x"))), REJECT_INVALID_NAME, 1,
		      "data point 1: attribute key has no letter or digit");
	expect_reject(POINT("\"asInt\":1," ATTRS(ATTR("___", "x"))), REJECT_INVALID_NAME, 1,
		      "data point 1: attribute key has no letter or digit");
	expect_reject("{\"name\":\"...\",\"gauge\":{\"dataPoints\":[{\"asInt\":1},{\"asInt\":1}]}}",
		      REJECT_INVALID_NAME, 2, "data point 1: metric's name has no letter or digit");
	expect_reject("{\"name\":\"x\",\"sum\":{\"dataPoints\":[{\"asInt\":1}]}}",
		      REJECT_NO_TEMPORALITY, 1,
		      "data point 1: metric is neither delta nor cumulative");
	expect_reject(HISTOGRAM("\"explicitBounds\":[1,2],\"bucketCounts\":[1,2]"),
		      REJECT_INVALID_HISTOGRAM, 1,
		      "data point 1: a histogram whose bucket counts are not one more than its "
		      "bounds cannot be");
	expect_reject(HISTOGRAM("\"explicitBounds\":[2,1],\"bucketCounts\":[1,2,3]"),
		      REJECT_INVALID_HISTOGRAM, 1,
		      "data point 1: a histogram whose bounds do not increase cannot be");
	expect_reject(HISTOGRAM("\"explicitBounds\":[\"NaN\"],\"bucketCounts\":[1,2]"),
		      REJECT_INVALID_HISTOGRAM, 1,
		      "data point 1: a histogram whose bounds do not increase cannot be");
	expect_reject(EXPONENTIAL("\"scale\":-5"), REJECT_INVALID_HISTOGRAM, 1,
		      "data point 1: an exponential histogram with a scale not between -4 and 127 "
		      "cannot be");
	expect_reject(EXPONENTIAL("\"positive\":{\"offset\":2147483647,\"bucketCounts\":[1]}"),
		      REJECT_INVALID_HISTOGRAM, 1,
		      "data point 1: an exponential histogram with buckets beyond 2^31 cannot be");
	expect_reject("{\"name\":\"x\",\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
		      "\"asInt\":1,\"exemplars\":[{}]}]}}",
		      REJECT_NO_VALUE, 1, "data point 1: exemplar has no value");
	expect_reject(
		"{\"name\":\"x\",\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
		"\"asInt\":1,\"exemplars\":[{\"asInt\":1,\"traceId\":\"01\"}]}]}}",
		REJECT_INVALID_ID, 1,
		"data point 1: exemplar's trace id is missing, all zero or of a wrong length");
}

/* Bytes that are not UTF-8 in a resource: everything in it is rejected, the next resource is not. */
static void bad_resources_reject_their_points(void **state)
{
	static const char points[] = "{\"name\":\"g\",\"gauge\":{\"dataPoints\":[{\"asInt\":1},"
				     "{\"asInt\":2}]}}";
	struct buf json = BUF_INIT, pb = BUF_INIT;
	struct error err = {0};
	buf_appendf(&json,
		    "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[%s]},\"scopeMetrics\":[{"
		    "\"metrics\":[%s]}]},{\"scopeMetrics\":[{\"metrics\":[%s]}]}]}",
		    ATTR("host.name", "QQQQ"), points, points);
	assert_int_equal(otlp_json_to_protobuf(&otlp_metrics_request, buf_slice(&json), &pb, &err),
			 0);
	memset(memmem(pb.data, pb.len, "QQQQ", 4), 0xff, 4);
	free(decode(buf_slice(&pb), &defaults, 0, &err));
	assert_int_equal(rejects.count[REJECT_INVALID_UTF8], 2);
	assert_int_equal(rejects.total, 2);
	assert_int_equal(batch.sample_count, 2);
	buf_release(&json);
	buf_release(&pb);
}

static struct buf read_fixture(const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/telemetry/otlp_json/%s", TEST_SOURCES, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	struct buf out = BUF_INIT;
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		buf_append(&out, piece, n);
	fclose(f);
	return out;
}

static void decodes_the_specifications_example(void **state)
{
	struct buf pb = read_fixture("example_metrics.pb"), got = BUF_INIT;
	struct error err = {0};
	char *bytes = decode(buf_slice(&pb), &defaults, 0, &err);
	put_batch(&got, &batch);
	assert_int_equal(rejects.total, 0);
	assert_non_null(strstr(buf_cstr(&got),
			       "my_counter_total{job=my.service,my_counter_attr=some value,"
			       "otel_scope_my_scope_attribute=some scope attribute,"
			       "otel_scope_name=my.library,otel_scope_version=1.0.0} 5 "
			       "@1544712660300 since 1544712660300 delta\n"));
	assert_non_null(strstr(got.data, "my_gauge_ratio{"));
	assert_non_null(strstr(got.data, "my_histogram_bucket{job=my.service,le=1,"));
	assert_non_null(strstr(got.data, "my_exponential_histogram{"));
	free(bytes);
	buf_release(&got);
	buf_release(&pb);
}

/* Every prefix of a request, and every byte of it changed: an error or a batch, and no overrun. */
static void survives_damage(void **state)
{
	struct buf pb = read_fixture("example_metrics.pb");
	struct error err;
	for (size_t n = 0; n < pb.len; n++) {
		char *copy = calloc(1, n + CHUNK_PADDING);
		memcpy(copy, pb.data, n);
		int rc = otlp_decode_metrics(&batch, (struct slice){copy, n}, &defaults, &rejects,
					     &err);
		assert_true(rc == (n ? STATUS_INVALID : 0));
		assert_int_equal(batch.sample_count, 0);
		free(copy);
		copy = calloc(1, pb.len + CHUNK_PADDING);
		memcpy(copy, pb.data, pb.len);
		copy[n] ^= (char)0x55;
		rc = otlp_decode_metrics(&batch, (struct slice){copy, pb.len}, &defaults, &rejects,
					 &err);
		assert_true(rc == STATUS_INVALID || rc == 0);
		free(copy);
	}
	buf_release(&pb);
}

static void memory_is_bounded(void **state)
{
	struct buf pb = read_fixture("every_metrics.pb");
	struct otlp_metrics_options options = defaults;
	struct error err;
	options.decode.max_memory = 2000;
	metric_batch_release(&batch); /* memory that it has may be used again */
	free(decode(buf_slice(&pb), &options, STATUS_LIMIT, &err));
	assert_int_equal(batch.sample_count, 0);
	assert_non_null(strstr(err.message, "2000 bytes"));
	buf_release(&pb);
}

/* The id is stored: it may never change. XXH3 128 of "up\xffjob\xffa\xff", by Python's xxhash. */
static void series_ids_are_fixed(void **state)
{
	expect_lines(REQUEST(ATTR("service.name", "a"), "",
			     "{\"name\":\"up\",\"gauge\":{\"dataPoints\":[{\"asInt\":1," AT "}]}}"),
		     &defaults, "# up gauge [] \nup{job=a} 1 @2000\n");
	assert_int_equal(batch.series[0].id.high, UINT64_C(0xdf9bfd2fa24d3206));
	assert_int_equal(batch.series[0].id.low, UINT64_C(0xf5500d1e867b7233));
}

/* Fields in an order that no sender uses: the same result. */
static void field_order_does_not_matter(void **state)
{
	expect_lines(
		"{\"resourceMetrics\":[{\"scopeMetrics\":[{\"schemaUrl\":\"u\",\"metrics\":[{"
		"\"sum\":{"
		"\"dataPoints\":[{" ATTRS(
			ATTR("a", "b")) ",\"asInt\":1," AT
					"}],\"isMonotonic\":true,\"aggregationTemporality\":1},"
					"\"unit\":\"s\",\"name\":"
					"\"n\"}],\"scope\":{\"name\":\"sc\"}}],\"resource\":{"
					"\"attributes\":[" ATTR("service.name", "svc") "]}}]}",
		&defaults,
		"# n_seconds_total counter [seconds] \n"
		"n_seconds_total{a=b,job=svc,otel_scope_name=sc,otel_scope_schema_url=u} 1 @2000 "
		"delta\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_point_without_labels),
		cmocka_unit_test(gauges_and_sums),
		cmocka_unit_test(histograms),
		cmocka_unit_test(exponential_histograms),
		cmocka_unit_test(summaries),
		cmocka_unit_test(labels_come_from_everywhere),
		cmocka_unit_test(target_info_needs_a_target_and_more),
		cmocka_unit_test(target_info_is_bounded),
		cmocka_unit_test(target_info_makes_no_days),
		cmocka_unit_test(too_many_days_reject_one_point),
		cmocka_unit_test(exemplars),
		cmocka_unit_test(types_from_metadata),
		cmocka_unit_test(bad_points_are_rejected_alone),
		cmocka_unit_test(bad_resources_reject_their_points),
		cmocka_unit_test(decodes_the_specifications_example),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(series_ids_are_fixed),
		cmocka_unit_test(field_order_does_not_matter),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	metric_batch_release(&batch);
	return rc;
}
