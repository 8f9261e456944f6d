#include "script.h"

#include <ctype.h>
#include <stdlib.h>

#include "unquote.h"

struct lines {
	struct slice *list; /* trimmed, comments emptied */
	uint32_t count, next;
};

static int no_memory(struct error *err)
{
	return error_set(err, STATUS_LIMIT, "out of memory");
}

static int split_lines(struct lines *lines, struct arena *arena, struct slice text,
		       struct error *err)
{
	size_t count = 1;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	lines->list = arena_array(arena, count, sizeof *lines->list);
	if (!lines->list)
		return no_memory(err);
	for (const char *p = text.ptr, *end = p + text.len; p <= end;) {
		const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
		const char *line_end = newline ? newline : end;
		struct slice line = slice_trim((struct slice){p, (size_t)(line_end - p)});
		if (line.len && line.ptr[0] == '#')
			line.len = 0;
		lines->list[lines->count++] = line;
		p = line_end + 1;
	}
	return 0;
}

/* The next line of a command's block; false at its end, which is an empty line. */
static bool block_line(struct lines *lines, struct slice *line)
{
	if (lines->next >= lines->count || lines->list[lines->next].len == 0)
		return false;
	*line = lines->list[lines->next++];
	return true;
}

static struct script_series *series_add(struct series_list *series, struct arena *arena)
{
	if (series->count == series->capacity) {
		uint32_t capacity = series->capacity ? 2 * series->capacity : 8;
		struct script_series *list = arena_array(arena, capacity, sizeof *list);
		if (!list)
			return NULL;
		if (series->count)
			memcpy(list, series->list, series->count * sizeof *list);
		series->list = list;
		series->capacity = capacity;
	}
	struct script_series *added = &series->list[series->count++];
	*added = (struct script_series){0};
	return added;
}

/* The one with those labels is replaced, as Prometheus does it. */
static int series_put(struct series_list *series, struct arena *arena, struct script_series one,
		      struct error *err)
{
	struct script_series *at = NULL;
	for (uint32_t i = 0; i < series->count && !at; i++) {
		if (labels_equal(series->list[i].labels, one.labels))
			at = &series->list[i];
	}
	if (!at)
		at = series_add(series, arena);
	if (!at)
		return no_memory(err);
	*at = one;
	return 0;
}

static int parse_duration(int64_t *out, struct slice text, const char *what, struct error *err)
{
	if (notation_duration(text, out))
		return 0;
	return error_set(err, STATUS_INVALID, "invalid %s \"" SLICE_FMT "\"", what,
			 SLICE_ARG(text));
}

/* --- load ------------------------------------------------------------------------------- */

static int load_line(struct load_command *load, struct script_series *pending, struct arena *arena,
		     struct slice line, struct error *err)
{
	if (notation_is_start_line(line)) {
		if (pending->labels)
			return error_set(err, STATUS_INVALID, "an @st line follows another");
		return notation_start_line(&pending->labels, &pending->starts, arena, line, err);
	}
	struct script_series series = {.starts = pending->starts};
	int status = notation_series(&series.labels, &series.values, arena, line, err);
	if (status)
		return status;
	if (pending->labels && !labels_equal(pending->labels, series.labels))
		return error_set(err, STATUS_INVALID, "the @st line is of another series");
	if (pending->labels && series.starts.count != series.values.count)
		return error_set(err, STATUS_INVALID,
				 "the @st line has %u values, the series has %u",
				 series.starts.count, series.values.count);
	*pending = (struct script_series){0};
	return series_put(&load->series, arena, series, err);
}

static int parse_load(struct command *command, struct lines *lines, struct arena *arena,
		      struct error *err)
{
	struct slice rest = command->text, line;
	struct slice word = slice_word(&rest);
	struct load_command *load = &command->load;
	struct script_series pending = {0};
	load->with_nhcb = slice_eq_cstr(word, "load_with_nhcb");
	if (!load->with_nhcb && !slice_eq_cstr(word, "load"))
		return error_set(err, STATUS_INVALID, "no such command");
	int status = parse_duration(&load->step, rest, "step", err);
	while (!status && block_line(lines, &line))
		status = load_line(load, &pending, arena, line, err);
	if (!status && pending.labels)
		return error_set(err, STATUS_INVALID, "an @st line has no series behind it");
	return status;
}

/* --- expect ----------------------------------------------------------------------------- */

static int add_pattern(const struct text_pattern **list, struct arena *arena,
		       struct text_pattern pattern, struct error *err)
{
	struct text_pattern *added = arena_alloc(arena, sizeof *added);
	if (!added)
		return no_memory(err);
	pattern.next = *list;
	*added = pattern;
	*list = added;
	return 0;
}

static int parse_pattern(struct text_pattern *out, struct slice text, struct error *err)
{
	*out = (struct text_pattern){.match = MATCH_ANY};
	if (text.len == 0)
		return 0;
	if (slice_starts_with(text, SLICE("msg:"))) {
		out->match = MATCH_EXACT;
		text = slice_from(text, strlen("msg:"));
	} else if (slice_starts_with(text, SLICE("regex:"))) {
		out->match = MATCH_REGEX;
		text = slice_from(text, strlen("regex:"));
	} else {
		return error_set(err, STATUS_INVALID, "after expect: \"" SLICE_FMT "\"",
				 SLICE_ARG(text));
	}
	out->text = slice_trim(text);
	return 0;
}

static int expect_range_vector(struct eval_command *eval, struct slice rest, struct error *err)
{
	static const char *const words[] = {"from", "to", "step"};
	int64_t *const values[] = {&eval->start, &eval->end, &eval->step};
	for (int i = 0; i < 3; i++) {
		if (!slice_eq_cstr(slice_word(&rest), words[i]))
			return error_set(err, STATUS_INVALID, "invalid range vector definition");
		int status = parse_duration(values[i], slice_word(&rest), "time", err);
		if (status)
			return status;
	}
	eval->time = eval->end;
	eval->only_instant = true;
	return 0;
}

/* A line that begins with `expect`. */
static int parse_expect(struct eval_command *eval, struct arena *arena, struct slice line,
			struct error *err)
{
	struct slice rest = line;
	slice_word(&rest);
	struct slice type = slice_word(&rest);
	struct slice after_type = rest;
	if (slice_eq_cstr(type, "range") && slice_eq_cstr(slice_word(&after_type), "vector"))
		return expect_range_vector(eval, after_type, err);
	if (slice_eq_cstr(type, "string")) {
		eval->only_instant = true;
		eval->expects_string = true;
		return unquote(&eval->string, arena, rest, err);
	}
	struct text_pattern pattern;
	int status = parse_pattern(&pattern, rest, err);
	if (status)
		return status;
	if (slice_eq_cstr(type, "ordered"))
		eval->ordered = true;
	else if (slice_eq_cstr(type, "no_warn"))
		eval->no_warn = true;
	else if (slice_eq_cstr(type, "no_info"))
		eval->no_info = true;
	else if (slice_eq_cstr(type, "warn"))
		status = add_pattern(&eval->warnings, arena, pattern, err);
	else if (slice_eq_cstr(type, "info"))
		status = add_pattern(&eval->infos, arena, pattern, err);
	else if (slice_eq_cstr(type, "fail") && eval->fails)
		status = error_set(err, STATUS_INVALID, "more than one expect fail line");
	else if (slice_eq_cstr(type, "fail"))
		status = add_pattern(&eval->fails, arena, pattern, err);
	else
		status = error_set(err, STATUS_INVALID, "invalid expect \"" SLICE_FMT "\"",
				   SLICE_ARG(type));
	eval->fail = eval->fail || eval->fails;
	if ((eval->no_warn && eval->warnings) || (eval->no_info && eval->infos))
		return error_set(err, STATUS_INVALID, "expect lines contradict each other");
	return status;
}

/* --- eval ------------------------------------------------------------------------------- */

static bool whole_number(struct slice text, double *out)
{
	char copy[64], *end;
	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	*out = strtod(copy, &end);
	return *end == 0;
}

static int eval_modifier(struct eval_command *eval, struct slice word, struct error *err)
{
	if (slice_eq_cstr(word, "eval"))
		return 0;
	if (slice_eq_cstr(word, "eval_fail"))
		eval->fail = true;
	else if (slice_eq_cstr(word, "eval_warn"))
		eval->warn = true;
	else if (slice_eq_cstr(word, "eval_info"))
		eval->info = true;
	else if (slice_eq_cstr(word, "eval_ordered"))
		eval->ordered = true;
	else
		return error_set(err, STATUS_INVALID, "no such command");
	return 0;
}

/* eval instant at <time> <query>, eval range from <start> to <end> step <step> <query> */
static int eval_head(struct eval_command *eval, struct slice line, struct error *err)
{
	int status = eval_modifier(eval, slice_word(&line), err);
	struct slice type = slice_word(&line);
	eval->range = slice_eq_cstr(type, "range");
	if (!status && !eval->range && !slice_eq_cstr(type, "instant"))
		status = error_set(err, STATUS_INVALID, "neither instant nor range");
	static const char *const instant_words[] = {"at"};
	static const char *const range_words[] = {"from", "to", "step"};
	int64_t times[3] = {0};
	for (int i = 0; i < (eval->range ? 3 : 1) && !status; i++) {
		const char *word = eval->range ? range_words[i] : instant_words[i];
		if (!slice_eq_cstr(slice_word(&line), word))
			return error_set(err, STATUS_INVALID, "\"%s\" is missing", word);
		status = parse_duration(&times[i], slice_word(&line), word, err);
	}
	eval->expr = line;
	eval->time = eval->start = times[0];
	eval->end = eval->range ? times[1] : INT64_MIN;
	eval->step = times[2];
	if (!status && line.len == 0)
		return error_set(err, STATUS_INVALID, "the query is missing");
	if (!status && eval->range && eval->end < eval->start)
		return error_set(err, STATUS_INVALID, "the end is before the start");
	return status;
}

static int eval_result(struct eval_command *eval, struct arena *arena, struct slice line,
		       struct error *err)
{
	struct script_series series = {.position = eval->results.count + 1};
	int status = notation_series(&series.labels, &series.values, arena, line, err);
	if (status)
		return status;
	if (series.values.count == 0)
		return error_set(err, STATUS_INVALID, "a result without value");
	if (series.values.count > 1 && !eval->range && !eval->only_instant)
		return error_set(err, STATUS_INVALID,
				 "several values of an instant query; see expect range vector");
	return series_put(&eval->results, arena, series, err);
}

/* `expected_fail_message` and `expected_fail_regexp`, which end the block. */
static bool old_fail_line(struct slice line, struct text_pattern *out)
{
	struct slice word = slice_word(&line);
	out->text = line;
	out->match = slice_eq_cstr(word, "expected_fail_message") ? MATCH_EXACT : MATCH_REGEX;
	return out->match == MATCH_EXACT || slice_eq_cstr(word, "expected_fail_regexp");
}

static int parse_eval(struct command *command, struct lines *lines, struct arena *arena,
		      struct error *err)
{
	struct eval_command *eval = &command->eval;
	struct slice line;
	struct text_pattern pattern = {0};
	int status = eval_head(eval, command->text, err);
	while (!status && block_line(lines, &line)) {
		struct slice rest = line;
		if (eval->fail && old_fail_line(line, &pattern))
			return add_pattern(&eval->fails, arena, pattern, err);
		if (slice_eq_cstr(slice_word(&rest), "expect")) {
			status = parse_expect(eval, arena, line, err);
		} else if (whole_number(line, &eval->value)) {
			eval->scalar = true;
			return 0;
		} else {
			status = eval_result(eval, arena, line, err);
		}
	}
	return status;
}

/* --- the script ------------------------------------------------------------------------- */

static struct command *command_add(struct script *script, struct arena *arena)
{
	if (script->count == script->capacity) {
		uint32_t capacity = script->capacity ? 2 * script->capacity : 64;
		struct command **list = arena_array(arena, capacity, sizeof(struct command *));
		if (!list)
			return NULL;
		if (script->count)
			memcpy(list, script->list, script->count * sizeof(struct command *));
		script->list = list;
		script->capacity = capacity;
	}
	struct command *command = arena_alloc(arena, sizeof *command);
	if (!command)
		return NULL;
	*command = (struct command){0};
	script->list[script->count++] = command;
	return command;
}

static int parse_command(struct command *command, struct lines *lines, struct arena *arena,
			 struct error *err)
{
	struct slice rest = command->text;
	struct slice word = slice_word(&rest);
	if (slice_eq_cstr(word, "clear")) {
		command->kind = COMMAND_CLEAR;
		return 0;
	}
	if (slice_starts_with(word, SLICE("load"))) {
		command->kind = COMMAND_LOAD;
		return parse_load(command, lines, arena, err);
	}
	if (slice_starts_with(word, SLICE("eval"))) {
		command->kind = COMMAND_EVAL;
		return parse_eval(command, lines, arena, err);
	}
	return error_set(err, STATUS_INVALID, "no such command");
}

int script_parse(struct script *script, struct arena *arena, struct slice text, struct error *err)
{
	struct lines lines = {0};
	int status = split_lines(&lines, arena, text, err);
	if (status)
		return status;
	while (lines.next < lines.count) {
		struct slice line = lines.list[lines.next++];
		if (line.len == 0)
			continue;
		struct command *command = command_add(script, arena);
		if (!command)
			return no_memory(err);
		command->line = lines.next;
		command->text = line;
		if (parse_command(command, &lines, arena, &command->error)) {
			command->kind = COMMAND_BROKEN;
			while (block_line(&lines, &line))
				;
		}
	}
	return 0;
}
