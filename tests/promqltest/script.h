/*
 * A test script of Prometheus' format, read into commands.
 *
 * Source: promql/promqltest/README.md of Prometheus; where it is silent, promql/promqltest.
 */
#ifndef PROMQLTEST_SCRIPT_H
#define PROMQLTEST_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "notation.h"

enum text_match { MATCH_ANY, MATCH_EXACT, MATCH_REGEX };

/* What an error's or an annotation's text must be. */
struct text_pattern {
	enum text_match match;
	struct slice text;
	const struct text_pattern *next;
};

/* Series of a `load`, or results that an `eval` expects. */
struct script_series {
	const struct labels *labels;
	struct sequence values;
	struct sequence starts; /* of @st; as long as `values`, or empty */
	uint32_t position; /* of results, from 1 */
};

struct series_list {
	struct script_series *list;
	uint32_t count, capacity;
};

struct eval_command {
	struct slice expr;
	bool range;
	int64_t start, end, step; /* ms; of the expected points too */
	int64_t time; /* of an instant query */
	bool warn, info; /* eval_warn, eval_info: at least one */
	bool fail, ordered, no_warn, no_info;
	const struct text_pattern *fails, *warnings, *infos;
	bool only_instant; /* the result is none that a range query could have */
	bool scalar; /* the result is one number, `value` */
	double value;
	bool expects_string;
	struct slice string;
	struct series_list results;
};

struct load_command {
	int64_t step; /* ms */
	bool with_nhcb;
	struct series_list series;
};

enum command_kind { COMMAND_CLEAR, COMMAND_LOAD, COMMAND_EVAL, COMMAND_BROKEN };

struct command {
	enum command_kind kind;
	uint32_t line; /* from 1 */
	struct slice text; /* the line */
	struct load_command load;
	struct eval_command eval;
	struct error error; /* BROKEN: why it cannot be read */
};

struct script {
	struct command **list;
	uint32_t count, capacity;
};

/* Points into `text`. LIMIT only: what cannot be read is a BROKEN command. */
int script_parse(struct script *script, struct arena *arena, struct slice text, struct error *err);

#endif
