/*
 * The labels of a series in a query's result, __name__ among them: sorted by name, no name
 * twice, no empty value. Immutable, in the query's arena.
 */
#ifndef TRIPOD_QUERY_LABELS_H
#define TRIPOD_QUERY_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "telemetry/label.h"

struct labels {
	uint64_t hash; /* of all of them */
	uint32_t count;
	struct label list[];
};

/* Sorts `list` in place and copies it (not the bytes it points to). NULL: over budget. */
const struct labels *labels_new(struct arena *arena, struct label *list, uint32_t count);
/* The value, "" when there is no such label. */
struct slice labels_get(const struct labels *labels, struct slice name);
bool labels_equal(const struct labels *a, const struct labels *b);
/* Name by name, then value by value, in the order of their bytes: as Prometheus sorts series. */
int labels_compare(const struct labels *a, const struct labels *b);

/* The labels whose names are in `names`, or (keep false) those whose names are not. */
const struct labels *labels_select(struct arena *arena, const struct labels *labels,
				   const struct slice *names, uint32_t count, bool keep);
/* With one label set, or removed by an empty value. */
const struct labels *labels_with(struct arena *arena, const struct labels *labels,
				 struct slice name, struct slice value);
/* Without __name__, and without __type__ and __unit__, which say what the name means. */
const struct labels *labels_without_name(struct arena *arena, const struct labels *labels);

/* In quotes, escaped as Go does it; bytes of what is no UTF-8 as \xNN. */
void labels_quote(struct slice text, struct buf *out);

/* {__name__="x", a="b"}: as Prometheus writes a series in messages. */
void labels_text(const struct labels *labels, struct buf *out);

/* An index over label sets: where a key was put, or is put now. */
struct labels_index {
	struct arena *arena;
	const struct labels **keys; /* by number, in the order they came in */
	uint32_t count, capacity;
	uint32_t *slots; /* number + 1 */
	uint32_t slot_count;
};
void labels_index_init(struct labels_index *index, struct arena *arena);
#define LABELS_NONE UINT32_MAX
/* The number of `key`, or LABELS_NONE. */
uint32_t labels_index_find(const struct labels_index *index, const struct labels *key);
/* The same, added when it is not there; LABELS_NONE: over budget. */
uint32_t labels_index_add(struct labels_index *index, const struct labels *key);

#endif
