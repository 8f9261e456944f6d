/* A source of series that are in memory, for test scripts. */
#ifndef PROMQLTEST_MEMORY_SOURCE_H
#define PROMQLTEST_MEMORY_SOURCE_H

#include "base/arena.h"
#include "query/series_source.h"
#include "script.h"

struct memory_series;

struct memory_source {
	struct series_source source;
	struct arena arena;
	struct labels_index index; /* its numbers are those of `series` */
	struct memory_series **series;
	uint32_t count, capacity;
};

void memory_source_init(struct memory_source *memory);
void memory_source_release(struct memory_source *memory);
void memory_source_clear(struct memory_source *memory);

struct memory_sample {
	int64_t time, start; /* ms; start 0: not known */
	double value;
	const struct float_histogram *histogram; /* or NULL */
};

/*
 * Adds a sample behind those of its series. As Prometheus' storage does: a stale marker behind a
 * histogram is one of histograms; the hint of a histogram says what is known by comparison with
 * the one before. INVALID: not in order of time.
 */
int memory_source_add(struct memory_source *memory, const struct labels *labels,
		      struct memory_sample sample, struct error *err);
/* What a `load` says. */
int memory_source_load(struct memory_source *memory, const struct load_command *load,
		       struct error *err);

#endif
