/* What a query's answer says beside its result: warnings, and infos, which weigh less. */
#ifndef TRIPOD_QUERY_PROMQL_ANNOTATIONS_H
#define TRIPOD_QUERY_PROMQL_ANNOTATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "lang/promql/ast.h"

enum annotation_level { ANNOTATION_INFO, ANNOTATION_WARNING };

struct annotation {
	enum annotation_level level;
	const char *message; /* without "PromQL info: " and position */
	struct promql_range pos;
	/* Of "needed to be fixed for monotonicity": what is told once it is known of all steps. */
	bool has_detail;
	uint64_t count; /* of points that it is about; of windows, for "start time that overlaps" */
	int64_t least_time, greatest_time; /* ms */
	double least_bucket, greatest_bucket, greatest_diff;
	struct annotation *next;
};

/* Each message once, in the order of their first appearance. Zeroed but for `arena` to begin with. */
struct annotations {
	struct arena *arena;
	struct annotation *first, *last;
};

/* The annotation with that message, new or from before; NULL when over budget (it is then left out). */
__attribute__((format(printf, 4, 5))) struct annotation *
annotations_add(struct annotations *annotations, enum annotation_level level,
		struct promql_range pos, const char *fmt, ...);

/* "PromQL warning: … (1:5)", as the API and the test scripts have it; `query` is the text. */
void annotation_text(const struct annotation *annotation, struct slice query, struct buf *out);

#endif
