#include "api/query_settings.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "net/form.h"
#include "store/exception.h"
#include "store/statement.h"

#define MAX_OPTIONS 192
#define MAX_PARAMS 1024
#define MAX_ID 200

enum handling {
	SETTING_PASS, /* goes to the store */
	SETTING_DROP, /* is of no consequence here */
	SETTING_FLAG, /* passed, and looked at */
	SETTING_LIMIT, /* a number that may be lowered */
	SETTING_SECONDS, /* the same, in seconds, where there may be a fraction */
	SETTING_REFUSE_TRUE, /* would change how bodies are to be read */
	SETTING_QUERY,
	SETTING_QUERY_ID,
	SETTING_DATABASE,
};

/*
 * A trailing '*' stands for whatever follows. Settings whose values are SQL (additional_*)
 * are not among them: nobody checks it.
 */
static const struct {
	const char *name;
	enum handling handling;
} known[] = {
	{"query", SETTING_QUERY},
	{"query_id", SETTING_QUERY_ID},
	{"database", SETTING_DATABASE},
	{"enable_http_compression", SETTING_FLAG},
	{"compress", SETTING_REFUSE_TRUE},
	{"decompress", SETTING_REFUSE_TRUE},

	{"max_execution_time", SETTING_SECONDS},
	{"max_memory_usage", SETTING_LIMIT},
	{"max_result_rows", SETTING_LIMIT},
	{"max_result_bytes", SETTING_LIMIT},

	/* Who asks was decided before; sessions, progress and tuning of the server's socket. */
	{"user", SETTING_DROP},
	{"password", SETTING_DROP},
	{"quota_key", SETTING_DROP},
	{"role", SETTING_DROP},
	{"session_id", SETTING_DROP},
	{"session_check", SETTING_DROP},
	{"session_timeout", SETTING_DROP},
	{"close_session", SETTING_DROP},
	{"readonly", SETTING_DROP},
	{"result_overflow_mode", SETTING_DROP},
	{"timeout_overflow_mode", SETTING_DROP},
	{"stacktrace", SETTING_DROP},
	{"buffer_size", SETTING_DROP},
	{"client_protocol_version", SETTING_DROP},
	{"send_progress_in_http_headers", SETTING_DROP},
	{"http_*", SETTING_DROP},
	{"add_http_cors_header", SETTING_DROP},
	{"cancel_http_readonly_queries_on_client_close", SETTING_DROP},
	{"log_*", SETTING_DROP},
	{"async_insert", SETTING_DROP},
	{"wait_for_async_insert", SETTING_DROP},
	{"max_query_size", SETTING_DROP},

	{"default_format", SETTING_PASS},
	{"wait_end_of_query", SETTING_PASS},
	/* Not output_format_schema, format_schema, format_template_*: these name files. */
	{"output_format_arrow_*", SETTING_PASS},
	{"output_format_binary_*", SETTING_PASS},
	{"output_format_bson_*", SETTING_PASS},
	{"output_format_csv_*", SETTING_PASS},
	{"output_format_decimal_*", SETTING_PASS},
	{"output_format_json_*", SETTING_PASS},
	{"output_format_markdown_*", SETTING_PASS},
	{"output_format_msgpack_*", SETTING_PASS},
	{"output_format_native_*", SETTING_PASS},
	{"output_format_orc_*", SETTING_PASS},
	{"output_format_parquet_*", SETTING_PASS},
	{"output_format_pretty_*", SETTING_PASS},
	{"output_format_tsv_*", SETTING_PASS},
	{"output_format_values_*", SETTING_PASS},
	{"output_format_write_statistics", SETTING_PASS},
	{"output_format_xml_*", SETTING_PASS},
	{"format_csv_*", SETTING_PASS},
	{"date_time_*", SETTING_PASS},
	{"session_timezone", SETTING_PASS},
	{"extremes", SETTING_PASS},
	{"limit", SETTING_PASS},
	{"offset", SETTING_PASS},
	{"max_threads", SETTING_PASS},
	{"max_rows_to_read", SETTING_PASS},
	{"max_bytes_to_read", SETTING_PASS},
	{"max_rows_to_group_by", SETTING_PASS},
	{"max_rows_to_sort", SETTING_PASS},
	{"max_rows_in_join", SETTING_PASS},
	{"max_bytes_before_external_group_by", SETTING_PASS},
	{"max_bytes_before_external_sort", SETTING_PASS},
	{"read_overflow_mode", SETTING_PASS},
	{"group_by_overflow_mode", SETTING_PASS},
	{"sort_overflow_mode", SETTING_PASS},
	{"join_*", SETTING_PASS},
	{"group_by_use_nulls", SETTING_PASS},
	{"aggregate_functions_null_for_empty", SETTING_PASS},
	{"transform_null_in", SETTING_PASS},
	{"union_default_mode", SETTING_PASS},
	{"cast_keep_nullable", SETTING_PASS},
	{"enable_positional_arguments", SETTING_PASS},
	{"prefer_column_name_to_alias", SETTING_PASS},
	{"any_join_distinct_right_table_keys", SETTING_PASS},
	{"final", SETTING_PASS},
	{"optimize_*", SETTING_PASS},
	{"query_plan_*", SETTING_PASS},
	{"use_*", SETTING_PASS},
	{"enable_analyzer", SETTING_PASS},
	{"allow_experimental_analyzer", SETTING_PASS},
	{"allow_suspicious_low_cardinality_types", SETTING_PASS},
	{"low_cardinality_*", SETTING_PASS},
	{"short_circuit_function_evaluation", SETTING_PASS},
	{"max_block_size", SETTING_PASS},
	{"show_table_uuid_in_table_create_query_if_not_nil", SETTING_PASS},
};

struct reader {
	struct query_request *out;
	struct error *err;
};

static int no_room(struct reader *r)
{
	return exception_set(r->err, EXCEPTION_QUERY_IS_TOO_LARGE, "The request is too large");
}

static int add_option(struct reader *r, const char *name, const char *value)
{
	struct query_request *out = r->out;
	if (!name || !value)
		return no_room(r);
	if (out->option_count == MAX_OPTIONS + MAX_PARAMS)
		return exception_set(r->err, EXCEPTION_BAD_ARGUMENTS,
				     "More settings and parameters in a request than are taken");
	out->options[out->option_count++] = (struct store_option){name, value};
	return 0;
}

static int bad_value(struct reader *r, struct slice name)
{
	return exception_set(r->err, EXCEPTION_BAD_ARGUMENTS,
			     "The value of setting " SLICE_FMT " is not a number it can have",
			     SLICE_ARG(name));
}

/* --- limits ------------------------------------------------------------------------- */

/* As a number of thousandths: "30" is 30000. -1: malformed. */
static int64_t parse_milli(struct slice text)
{
	int64_t whole = 0, milli = 0, unit = 100;
	size_t i = 0;
	for (; i < text.len && isdigit((unsigned char)text.ptr[i]); i++) {
		if (whole > INT64_MAX / 100000)
			return -1;
		whole = whole * 10 + (text.ptr[i] - '0');
	}
	size_t digits = i;
	if (i < text.len && text.ptr[i] == '.') {
		for (i++; i < text.len && isdigit((unsigned char)text.ptr[i]); i++) {
			milli += unit * (text.ptr[i] - '0');
			unit /= 10;
		}
	}
	return digits && i == text.len ? whole * 1000 + milli : -1;
}

/* 0 is "no limit" on either side: the limit that was set stays. */
static void lower(uint64_t *limit, uint64_t wanted)
{
	if (wanted && (!*limit || wanted < *limit))
		*limit = wanted;
}

static int take_limit(struct reader *r, struct slice name, struct slice value)
{
	int64_t milli = parse_milli(value);
	if (milli < 0)
		return bad_value(r, name);
	if (slice_eq_cstr(name, "max_execution_time")) {
		lower(&r->out->limits.max_execution_ms, (uint64_t)milli);
		return 0;
	}
	uint64_t wanted = (uint64_t)milli / 1000;
	if (slice_eq_cstr(name, "max_memory_usage"))
		lower(&r->out->limits.max_memory, wanted);
	else if (slice_eq_cstr(name, "max_result_rows"))
		lower(&r->out->limits.max_result_rows, wanted);
	else
		lower(&r->out->limits.max_result_bytes, wanted);
	return 0;
}

static int add_number(struct reader *r, const char *name, uint64_t value)
{
	char text[24];
	if (!value)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return add_option(r, name, arena_strdup(r->out->arena, slice_of(text)));
}

/* Behind the user's settings, so that these hold. */
static int add_limits(struct reader *r)
{
	const struct sql_limits *limits = &r->out->limits;
	char seconds[32];
	int rc = 0;
	if (limits->max_execution_ms) {
		snprintf(seconds, sizeof(seconds), "%llu.%03llu",
			 (unsigned long long)limits->max_execution_ms / 1000,
			 (unsigned long long)limits->max_execution_ms % 1000);
		rc = add_option(r, "max_execution_time",
				arena_strdup(r->out->arena, slice_of(seconds)));
	}
	if (rc == 0)
		rc = add_number(r, "max_memory_usage", limits->max_memory);
	if (rc == 0)
		rc = add_number(r, "max_result_rows", limits->max_result_rows);
	if (rc == 0)
		rc = add_number(r, "max_result_bytes", limits->max_result_bytes);
	if (rc == 0)
		rc = add_option(r, "result_overflow_mode", "throw");
	if (rc == 0)
		rc = add_option(r, "timeout_overflow_mode", "throw");
	return rc ? rc : add_option(r, "readonly", "1");
}

/* --- parameters --------------------------------------------------------------------- */

static bool is_true(struct slice value)
{
	return slice_eq_cstr(value, "1") || slice_eq_cstr(value, "true");
}

static int find(struct slice name, enum handling *out)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct slice pattern = slice_of(known[i].name);
		bool prefix = pattern.ptr[pattern.len - 1] == '*';
		pattern.len -= prefix;
		if (prefix ? slice_starts_with(name, pattern) : slice_eq(name, pattern)) {
			*out = known[i].handling;
			return 0;
		}
	}
	return STATUS_NOT_FOUND;
}

static int take_param(struct reader *r, struct slice name, struct slice value)
{
	struct query_request *out = r->out;
	if (out->param_count == MAX_PARAMS)
		return exception_set(r->err, EXCEPTION_BAD_ARGUMENTS,
				     "More than %d parameters in a query", MAX_PARAMS);
	int rc = add_option(r, name.ptr, value.ptr);
	struct slice own = {name.ptr + 6, name.len - 6};
	out->params[out->param_count++] = (struct sql_param){own, value};
	return rc;
}

static int take_database(struct reader *r, struct slice value)
{
	if (!value.len || slice_eq_cstr(value, r->out->database) || slice_eq_cstr(value, "default"))
		return 0;
	return exception_set(r->err, EXCEPTION_UNKNOWN_DATABASE,
			     "Database " SLICE_FMT " does not exist for users; the telemetry is "
			     "in %s",
			     (int)(value.len < 100 ? value.len : 100), value.ptr, r->out->database);
}

static int refuse(struct reader *r, struct slice name)
{
	return exception_set(r->err, EXCEPTION_READONLY,
			     "Cannot modify '" SLICE_FMT "' setting in readonly mode",
			     (int)(name.len < 100 ? name.len : 100), name.ptr);
}

/* Both end with a zero byte behind them. */
static int take(struct reader *r, struct slice name, struct slice value)
{
	enum handling handling;
	if (strlen(value.ptr) != value.len || strlen(name.ptr) != name.len)
		return exception_set(r->err, EXCEPTION_BAD_ARGUMENTS,
				     "A parameter of the request has a zero byte");
	if (slice_starts_with(name, SLICE("param_")))
		return take_param(r, name, value);
	if (!name.len)
		return 0;
	if (find(name, &handling))
		return refuse(r, name);
	switch (handling) {
	case SETTING_FLAG:
		r->out->compress = is_true(value);
		return add_option(r, name.ptr, value.ptr);
	case SETTING_PASS:
		return add_option(r, name.ptr, value.ptr);
	case SETTING_LIMIT:
	case SETTING_SECONDS:
		return take_limit(r, name, value);
	case SETTING_REFUSE_TRUE:
		if (!is_true(value))
			return 0;
		return exception_set(r->err, EXCEPTION_NOT_IMPLEMENTED,
				     "Parameter '%s' is not supported; use Content-Encoding, and "
				     "Accept-Encoding with enable_http_compression=1",
				     name.ptr);
	case SETTING_QUERY:
		r->out->query = value;
		return 0;
	case SETTING_QUERY_ID:
		if (value.len > MAX_ID)
			return exception_set(r->err, EXCEPTION_BAD_ARGUMENTS,
					     "query_id is longer than %d bytes", MAX_ID);
		r->out->query_id = value.len ? value.ptr : NULL;
		return 0;
	case SETTING_DATABASE:
		return take_database(r, value);
	case SETTING_DROP:
		break;
	}
	return 0;
}

static int read_pairs(struct reader *r, struct slice raw)
{
	const char *at = raw.ptr, *end = raw.ptr + raw.len;
	int rc = 0;
	while (rc == 0 && at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at));
		const char *stop = amp ? amp : end;
		const char *eq = memchr(at, '=', (size_t)(stop - at));
		struct slice name = form_decode((struct slice){at, (size_t)((eq ? eq : stop) - at)},
						r->out->arena);
		struct slice value = SLICE("");
		if (eq)
			value = form_decode((struct slice){eq + 1, (size_t)(stop - eq - 1)},
					    r->out->arena);
		rc = name.ptr && value.ptr ? take(r, name, value) : no_room(r);
		at = stop + 1;
	}
	return rc;
}

int query_request_read(struct query_request *out, struct slice raw, const char *format,
		       const char *database, const struct sql_limits *limits, struct arena *arena,
		       struct error *err)
{
	*out = (struct query_request){.limits = *limits, .arena = arena, .database = database};
	struct reader r = {out, err};
	/* And one for its id. */
	out->options = arena_array(arena, MAX_OPTIONS + MAX_PARAMS + 1, sizeof(*out->options));
	out->params = arena_array(arena, MAX_PARAMS, sizeof(*out->params));
	if (!out->options || !out->params)
		return no_room(&r);
	int rc = 0;
	if (format && *format)
		rc = add_option(&r, "default_format", format);
	return rc ? rc : read_pairs(&r, raw);
}

int query_request_finish(struct query_request *request, struct error *err)
{
	struct reader r = {request, err};
	return add_limits(&r);
}

/* --- the SETTINGS clause ------------------------------------------------------------ */

#define MAX_CLAUSE 64

/* name = literal, name = literal, … behind the last SETTINGS that is not in parentheses. */
struct clause {
	enum { NO_CLAUSE, WANT_NAME, WANT_EQUALS, WANT_VALUE, WANT_COMMA } state;
	int depth;
	const char *from, *to; /* from SETTINGS to behind the last value */
	struct slice name;
	size_t count;
	struct {
		struct slice name, value;
	} pairs[MAX_CLAUSE];
	bool whole; /* nothing but FORMAT follows */
};

static bool token_is(const struct statement_token *t, const char *word)
{
	return t->kind == STATEMENT_WORD && t->text.len == strlen(word) &&
	       strncasecmp(t->text.ptr, word, t->text.len) == 0;
}

/* A string's content; one with escapes, and a heredoc, are not taken. */
static bool take_literal(const struct statement_token *t, struct slice *out)
{
	*out = t->text;
	if (t->kind == STATEMENT_WORD)
		return token_is(t, "true") || token_is(t, "false");
	if (t->kind != STATEMENT_LITERAL)
		return false;
	if (*t->text.ptr >= '0' && *t->text.ptr <= '9')
		return true;
	if (*t->text.ptr != '\'' || t->text.len < 2)
		return false;
	out->ptr++;
	out->len -= 2;
	return !memchr(out->ptr, '\\', out->len) && !memchr(out->ptr, '\'', out->len);
}

/* The states behind SETTINGS; false: it is not of the shape that is taken. */
static bool take_in_clause(struct clause *c, const struct statement_token *t)
{
	struct slice value;
	switch (c->state) {
	case WANT_NAME:
		c->name = t->text;
		c->state = WANT_EQUALS;
		return t->kind == STATEMENT_WORD;
	case WANT_EQUALS:
		c->state = WANT_VALUE;
		return *t->text.ptr == '=';
	case WANT_VALUE:
		if (c->count == MAX_CLAUSE || !take_literal(t, &value))
			return false;
		c->pairs[c->count].name = c->name;
		c->pairs[c->count++].value = value;
		c->to = t->text.ptr + t->text.len;
		c->whole = true;
		c->state = WANT_COMMA;
		return true;
	case WANT_COMMA:
		if (*t->text.ptr == ',') {
			c->whole = false;
			c->state = WANT_NAME;
			return true;
		}
		/* FORMAT x, or the statement's end, keeps what was found. */
		c->state = NO_CLAUSE;
		return token_is(t, "FORMAT") || *t->text.ptr == ';';
	default:
		return true;
	}
}

static int visit(void *ctx, const struct statement_token *t)
{
	struct clause *c = ctx;
	if (t->kind == STATEMENT_SIGN && *t->text.ptr == '(')
		c->depth++;
	else if (t->kind == STATEMENT_SIGN && *t->text.ptr == ')')
		c->depth--;
	if (c->depth == 0 && c->state == NO_CLAUSE && token_is(t, "SETTINGS")) {
		*c = (struct clause){.state = WANT_NAME, .from = t->text.ptr};
	} else if (c->state != NO_CLAUSE && !take_in_clause(c, t)) {
		c->state = NO_CLAUSE;
		c->whole = false;
	}
	return 0;
}

static struct slice copy(struct reader *r, struct slice s)
{
	char *text = arena_strdup(r->out->arena, s);
	return (struct slice){text, s.len};
}

int query_request_take_clause(struct query_request *request, char *sql, size_t len,
			      struct error *err)
{
	struct reader r = {request, err};
	struct clause clause = {.state = NO_CLAUSE};
	statement_each_token((struct slice){sql, len}, visit, &clause);
	if (!clause.whole)
		return 0;
	for (size_t i = 0; i < clause.count; i++) {
		struct slice name = copy(&r, clause.pairs[i].name);
		struct slice value = copy(&r, clause.pairs[i].value);
		enum handling handling;
		if (!name.ptr || !value.ptr)
			return no_room(&r);
		/* What is none of a statement's settings is none of a clause's. */
		if (find(name, &handling) ||
		    (handling != SETTING_PASS && handling != SETTING_LIMIT &&
		     handling != SETTING_SECONDS && handling != SETTING_DROP))
			return refuse(&r, name);
		int rc = take(&r, name, value);
		if (rc)
			return rc;
	}
	memset(sql + (clause.from - sql), ' ', (size_t)(clause.to - clause.from));
	return 0;
}
