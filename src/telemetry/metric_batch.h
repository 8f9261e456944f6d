/*
 * A decoded request of metrics, as Prometheus sees them: series, and samples of them.
 * Whatever way metrics come in (OTLP, remote write, scrapes), they become this.
 *
 * Everything is plain arrays in the batch's arena. Strings point into the arena, into
 * constants, or into the request's bytes, which the batch's owner keeps alive.
 */
#ifndef TRIPOD_TELEMETRY_METRIC_BATCH_H
#define TRIPOD_TELEMETRY_METRIC_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "telemetry/batch.h"
#include "telemetry/label.h"

/* The value of a sample that says 'this series ended' (Prometheus' model/value.StaleNaN). */
#define METRIC_STALE_BITS UINT64_C(0x7ff0000000000002)

enum metric_type {
	METRIC_UNKNOWN,
	METRIC_GAUGE,
	METRIC_COUNTER,
	METRIC_HISTOGRAM, /* classic and exponential */
	METRIC_SUMMARY,
	METRIC_INFO,
	METRIC_STATESET,
};

/* "unknown", "gauge", … as in Prometheus' metadata API. */
const char *metric_type_name(enum metric_type type);

/* What is known of a metric besides its samples. The name is without _bucket, _sum, _count. */
struct metric_family {
	struct slice name, unit, help; /* unit in Prometheus' words: "seconds" */
	enum metric_type type;
};

/*
 * XXH3 with 128 bits and seed 0 of: the metric name, 0xff, then for each label in the order
 * of the names' bytes: name, 0xff, value, 0xff. (0xff is in no UTF-8 text.) Stored, so it can
 * never change. As a ClickHouse UInt128 `low` comes first.
 */
struct series_id {
	uint64_t low, high;
};

#define NO_EXTRA_LABEL UINT32_MAX

/*
 * The series of one data point share their labels; a bucket or quantile has one label more,
 * `extra`, which stands before the shared label number `extra_at`.
 */
struct metric_series {
	struct series_id id;
	struct slice name; /* __name__ */
	uint32_t family;
	uint32_t first_label, label_count; /* in the batch's labels: sorted, without __name__ */
	uint32_t extra_at; /* or NO_EXTRA_LABEL */
	struct label extra;
};

/*
 * A sample of delta temporality: its value counts from `start` to `time` only. It is to be
 * added to what its series had, and the sum stored at `time`. This holds for each series of
 * a delta histogram alone (_bucket with its le, _sum, _count), since they all are sums. The
 * samples of a batch are in the order sent. A stale marker is never a delta.
 */
#define SAMPLE_DELTA 1
/* Deltas that were added up (telemetry/delta_sums.h): the sample is cumulative. Stored. */
#define SAMPLE_SUMMED 32

/*
 * A sample of an exponential histogram, as OTLP has it: the bucket at position i of
 * `positive` counts values in (base^(offset+i), base^(offset+i+1)], base = 2^(2^-scale). (A
 * native histogram of Prometheus calls that bucket offset+i+1.) Scale is -4 or more; above 8
 * it must be merged down for Prometheus.
 */
struct exponential_point {
	uint32_t series;
	uint8_t flags; /* SAMPLE_DELTA; then counts are to be added bucket by bucket */
	bool has_sum, has_min, has_max, stale;
	int32_t scale;
	int64_t time, start; /* ms; start 0: not known */
	uint64_t count, zero_count;
	double sum, min, max, zero_threshold;
	int32_t positive_offset, negative_offset;
	uint32_t positive_first, positive_count; /* in the batch's bucket_counts */
	uint32_t negative_first, negative_count;
};

struct metric_exemplar {
	uint32_t series;
	uint32_t first_label, label_count; /* sorted */
	int64_t time; /* ms; the data point's when it had none of its own */
	double value;
	uint8_t trace_id[16]; /* all zero: none */
	uint8_t span_id[8];
};

struct metric_batch {
	struct arena arena;
	uint32_t points; /* data points that were accepted */
	struct metric_family *families;
	uint32_t family_count;
	struct metric_series *series; /* each id once */
	uint32_t series_count;
	struct label *labels;
	uint32_t label_count;

	uint32_t sample_count;
	uint32_t *sample_series;
	int64_t *sample_time; /* ms since the epoch */
	int64_t *sample_start; /* ms: since when a sum counts; 0: not known, or not a sum */
	double *sample_value; /* stale markers by their bits: METRIC_STALE_BITS */
	uint8_t *sample_flags;

	struct exponential_point *exponentials;
	uint32_t exponential_count;
	uint64_t *bucket_counts;
	uint32_t bucket_count_count;
	struct metric_exemplar *exemplars;
	uint32_t exemplar_count;

	/* Private to the functions below. */
	uint32_t family_capacity, series_capacity, label_capacity, sample_capacity;
	uint32_t exponential_capacity, bucket_count_capacity, exemplar_capacity;
	uint32_t slot_count;
	uint32_t *slots; /* series number + 1, by id; 0: free */
	uint32_t run_first, run_count; /* the labels that series are added with */
	const char *extra_name; /* where the extra label of that name goes, when not NULL */
	uint32_t extra_at;
	size_t extra_offset;
	struct buf run_text, id_text;
	struct batch_common otlp; /* the decoder's: attributes, while it looks at them */
};

/* How many labels a series has besides its name, and which they are, in order. */
static inline uint32_t metric_series_labels(const struct metric_series *s)
{
	return s->label_count + (s->extra_at != NO_EXTRA_LABEL);
}

static inline struct label metric_series_label(const struct metric_batch *b,
					       const struct metric_series *s, uint32_t i)
{
	if (i == s->extra_at)
		return s->extra;
	return b->labels[s->first_label + i - (i > s->extra_at)];
}

/* --- filling --------------------------------------------------------------------------- */

/* Empties the batch, which is zeroed or was used before. `max_memory` bounds its arena. */
void metric_batch_clear(struct metric_batch *b, size_t max_memory);
void metric_batch_release(struct metric_batch *b);

/* The following return false, or NULL, or NO_SERIES, when over budget or out of memory. */

bool metric_batch_add_family(struct metric_batch *b, struct metric_family family);
/* Room for `count` labels at the end of the batch's, not counted yet; may be NULL for none. */
struct label *metric_batch_reserve_labels(struct metric_batch *b, uint32_t count);
/* The series that follow have these labels: sorted by name, no name twice, no empty value. */
bool metric_batch_use_labels(struct metric_batch *b, uint32_t first, uint32_t count);

#define NO_SERIES UINT32_MAX
/*
 * The series of that name with the labels in use and `extra` (or NULL; no label in use may
 * have its name, which is a constant), of the family added last. Found again when the batch has it.
 */
uint32_t metric_batch_series(struct metric_batch *b, struct slice name, const struct label *extra);

bool metric_batch_add_sample(struct metric_batch *b, uint32_t series, int64_t time, int64_t start,
			     double value, uint8_t flags);
/* The following are zeroed. */
struct exponential_point *metric_batch_add_exponential(struct metric_batch *b);
struct metric_exemplar *metric_batch_add_exemplar(struct metric_batch *b);
bool metric_batch_add_bucket_count(struct metric_batch *b, uint64_t count);

static inline bool metric_is_stale(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits == METRIC_STALE_BITS;
}

static inline double metric_stale(void)
{
	uint64_t bits = METRIC_STALE_BITS;
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif
