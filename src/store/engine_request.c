#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "store/engine_int.h"
#include "store/exception.h"

#define MAX_SETTINGS 256
#define MAX_PARAMS 1024

enum parameter {
	PARAMETER_QUERY,
	PARAMETER_DATABASE,
	PARAMETER_DEFAULT_FORMAT,
	PARAMETER_QUERY_ID,
	PARAMETER_READONLY,
	PARAMETER_COMPRESS_ANSWER,
	PARAMETER_WAIT_END,
	PARAMETER_REFUSED,
	PARAMETER_IGNORED,
	PARAMETER_SETTING,
};

/* What is not a setting, or is one that this layer acts on. All else is SET on the connection. */
static const struct {
	const char *name;
	enum parameter parameter;
} parameters[] = {
	{"query", PARAMETER_QUERY},
	{"database", PARAMETER_DATABASE},
	{"default_format", PARAMETER_DEFAULT_FORMAT},
	{"query_id", PARAMETER_QUERY_ID},
	{"readonly", PARAMETER_READONLY},
	{"enable_http_compression", PARAMETER_COMPRESS_ANSWER},
	{"wait_end_of_query", PARAMETER_WAIT_END},
	/* ClickHouse's own compressed blocks: an answer without them would be misread. */
	{"compress", PARAMETER_REFUSED},
	{"decompress", PARAMETER_REFUSED},
	{"user", PARAMETER_IGNORED},
	{"password", PARAMETER_IGNORED},
	{"quota_key", PARAMETER_IGNORED},
	{"role", PARAMETER_IGNORED},
	{"session_id", PARAMETER_IGNORED},
	{"session_timeout", PARAMETER_IGNORED},
	{"session_check", PARAMETER_IGNORED},
	{"close_session", PARAMETER_IGNORED},
	{"session_timezone_header", PARAMETER_IGNORED},
	{"stacktrace", PARAMETER_IGNORED},
	{"buffer_size", PARAMETER_IGNORED},
	{"client_protocol_version", PARAMETER_IGNORED},
	{"http_response_buffer_size", PARAMETER_IGNORED},
	{"send_progress_in_http_headers", PARAMETER_IGNORED},
	{"http_headers_progress_interval_ms", PARAMETER_IGNORED},
	{"http_wait_end_of_query", PARAMETER_IGNORED},
	{"http_zlib_compression_level", PARAMETER_IGNORED},
	{"http_native_compression_disable_checksumming_on_decompress", PARAMETER_IGNORED},
	{"http_write_exception_in_output_format", PARAMETER_IGNORED},
	{"add_http_cors_header", PARAMETER_IGNORED},
	/* Statements are found and stopped by it. */
	{"log_comment", PARAMETER_IGNORED},
};

static int no_memory(struct error *err)
{
	return exception_set(err, EXCEPTION_QUERY_IS_TOO_LARGE, "The request is too large");
}

/* --- the URL ------------------------------------------------------------------------ */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded; ptr NULL when out of memory. */
static struct slice decode(struct arena *arena, const char *at, const char *end)
{
	char *out = arena_alloc(arena, (size_t)(end - at) + 1);
	if (!out)
		return (struct slice){0};
	size_t n = 0;
	for (; at < end; at++) {
		int high, low;
		if (*at == '+') {
			out[n++] = ' ';
		} else if (*at == '%' && end - at > 2 && (high = hex_digit(at[1])) >= 0 &&
			   (low = hex_digit(at[2])) >= 0) {
			out[n++] = (char)(high << 4 | low);
			at += 2;
		} else {
			out[n++] = *at;
		}
	}
	out[n] = '\0';
	return (struct slice){out, n};
}

static enum parameter parameter_of(struct slice name)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		if (slice_eq_cstr(name, parameters[i].name))
			return parameters[i].parameter;
	}
	return PARAMETER_SETTING;
}

static bool is_true(struct slice value)
{
	return slice_eq_cstr(value, "1") || slice_eq_cstr(value, "true");
}

static int add(struct setting *list, size_t *count, size_t max, struct slice name,
	       struct slice value, struct error *err)
{
	if (*count == max)
		return exception_set(err, EXCEPTION_BAD_ARGUMENTS,
				     "More than %zu settings or parameters in a request", max);
	list[(*count)++] = (struct setting){name, value};
	return 0;
}

static int add_setting(struct job_request *want, struct slice name, struct slice value,
		       struct error *err)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];
		if (!isalnum(c) && c != '_' && c != '.')
			return exception_set(err, EXCEPTION_UNKNOWN_SETTING,
					     "Unknown setting '%.*s'",
					     name.len > 80 ? 80 : (int)name.len, name.ptr);
	}
	return add(want->settings, &want->setting_count, MAX_SETTINGS, name, value, err);
}

static int set_readonly(struct job_request *want, struct slice value, struct error *err)
{
	if (value.len != 1 || *value.ptr < '0' || *value.ptr > '2')
		return exception_set(err, EXCEPTION_BAD_ARGUMENTS, "readonly must be 0, 1 or 2");
	want->readonly = *value.ptr - '0';
	return 0;
}

static int take_parameter(struct job_request *want, struct slice name, struct slice value,
			  struct error *err)
{
	static const struct slice prefix = {"param_", 6};
	if (slice_starts_with(name, prefix)) {
		name.ptr += prefix.len;
		name.len -= prefix.len;
		return add(want->params, &want->param_count, MAX_PARAMS, name, value, err);
	}
	switch (parameter_of(name)) {
	case PARAMETER_QUERY:
		want->url_query = value;
		return 0;
	case PARAMETER_DATABASE:
		want->database = value;
		return 0;
	case PARAMETER_DEFAULT_FORMAT:
		want->default_format = value;
		return 0;
	case PARAMETER_QUERY_ID:
		want->query_id = value;
		return 0;
	case PARAMETER_READONLY:
		return set_readonly(want, value, err);
	case PARAMETER_COMPRESS_ANSWER:
		want->compress_answer = is_true(value);
		return 0;
	case PARAMETER_WAIT_END:
		want->wait_end = is_true(value);
		return 0;
	case PARAMETER_REFUSED:
		if (!is_true(value))
			return 0;
		return exception_set(err, EXCEPTION_NOT_IMPLEMENTED,
				     "Parameter '%s' is not supported; use Content-Encoding, and "
				     "Accept-Encoding with enable_http_compression=1",
				     name.ptr);
	case PARAMETER_IGNORED:
		return 0;
	case PARAMETER_SETTING:
		break;
	}
	return name.len ? add_setting(want, name, value, err) : 0;
}

static int read_url(struct job *job, struct error *err)
{
	const char *at = job->raw_query, *end = at + strlen(at);
	while (at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at));
		const char *stop = amp ? amp : end;
		const char *eq = memchr(at, '=', (size_t)(stop - at));
		struct slice name = decode(&job->arena, at, eq ? eq : stop);
		struct slice value = decode(&job->arena, eq ? eq + 1 : stop, stop);
		if (!name.ptr || !value.ptr)
			return no_memory(err);
		int rc = take_parameter(&job->want, name, value, err);
		if (rc)
			return rc;
		at = stop + (amp != NULL);
	}
	return 0;
}

static void make_id(struct job *job)
{
	struct slice given = job->want.query_id;
	if (given.len && given.len < sizeof(job->id)) {
		memcpy(job->id, given.ptr, given.len);
		job->id[given.len] = '\0';
		return;
	}
	uint32_t r[4] = {0};
	if (getrandom(r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r[0] = (uint32_t)(uintptr_t)job, r[1] = (uint32_t)job->started_ns;
	snprintf(job->id, sizeof(job->id), "%08x-%04x-4%03x-a%03x-%04x%08x", r[0], r[1] >> 16,
		 r[1] & 0xfff, r[2] >> 20, r[2] & 0xffff, r[3]);
}

static int read_codings(struct job *job, struct error *err)
{
	struct job_request *want = &job->want;
	struct error why;
	if (compress_encoding_parse(&want->body_encoding, slice_of(job->content_encoding), &why))
		return exception_set(err, EXCEPTION_NOT_IMPLEMENTED, "%s", why.message);
	if (want->compress_answer)
		want->answer_encoding = compress_encoding_choose(slice_of(job->accept_encoding));
	if (strncasecmp(job->content_type, "multipart/form-data", 19) == 0)
		return exception_set(err, EXCEPTION_NOT_IMPLEMENTED,
				     "multipart/form-data bodies are not supported");
	return 0;
}

int job_read_request(struct job *job, struct error *err)
{
	struct job_request *want = &job->want;
	*want = (struct job_request){.readonly = -1};
	want->settings = arena_array(&job->arena, MAX_SETTINGS, sizeof(*want->settings));
	want->params = arena_array(&job->arena, MAX_PARAMS, sizeof(*want->params));
	if (!want->settings || !want->params)
		return no_memory(err);
	if (job->header_database)
		want->database = slice_of(job->header_database);
	if (job->header_format)
		want->default_format = slice_of(job->header_format);
	int rc = read_url(job, err);
	make_id(job);
	if (rc)
		return rc;
	/* As in ClickHouse, where a link cannot change anything. */
	bool asked = want->readonly > 0;
	if (job->is_get && want->readonly < 1)
		want->readonly = 2;
	job->restricted = !job->trusted_peer || asked;
	return read_codings(job, err);
}

/* --- the connection ----------------------------------------------------------------- */

static void append_string(struct buf *out, struct slice s)
{
	buf_append_byte(out, '\'');
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '\'' || c == '\\') {
			buf_append_byte(out, '\\');
			buf_append_byte(out, (uint8_t)c);
		} else if (c == '\n') {
			/* A line is a statement of a session's setup. */
			buf_append_cstr(out, "\\n");
		} else {
			buf_append_byte(out, (uint8_t)c);
		}
	}
	buf_append_byte(out, '\'');
}

static void append_identifier(struct buf *out, struct slice s)
{
	buf_append_byte(out, '`');
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '`' || s.ptr[i] == '\\')
			buf_append_byte(out, '\\');
		if (s.ptr[i] == '\n')
			buf_append_cstr(out, "\\n");
		else
			buf_append_byte(out, (uint8_t)s.ptr[i]);
	}
	buf_append_byte(out, '`');
}

/*
 * ClickHouse's server has these, libchdb's defaults (clickhouse-local's) differ: an answer
 * to an insert means that it is stored; "1 + 1" is no statement.
 */
static void append_setup(struct buf *setup, const struct job *job)
{
	const struct job_request *want = &job->want;
	if (want->database.len) {
		buf_append_cstr(setup, "USE ");
		append_identifier(setup, want->database);
		buf_append_byte(setup, '\n');
	}
	buf_append_cstr(setup, "SET async_insert=0, implicit_select=0");
	for (size_t i = 0; i < want->setting_count; i++) {
		buf_append_cstr(setup, ", ");
		buf_append_slice(setup, want->settings[i].name);
		buf_append_byte(setup, '=');
		append_string(setup, want->settings[i].value);
	}
	/* VALUES may hold expressions, which are not looked at for functions that reach outside. */
	if (job->restricted)
		buf_append_cstr(setup, ", input_format_values_interpret_expressions=0");
	buf_append_byte(setup, '\n');
}

static void append_comment(struct buf *out, const struct job *job)
{
	buf_append_cstr(out, "SET log_comment=");
	append_string(out, slice_of(job->id));
}

int job_open_session(struct job *job, struct chdb_session **out, bool *reusable, struct error *err)
{
	struct buf setup = BUF_INIT, comment = BUF_INIT;
	struct chdb_session *session = NULL;
	bool bound = job->restricted || job->want.readonly > 0;
	append_setup(&setup, job);
	append_comment(&comment, job);
	if (bound) {
		/* `readonly` cannot be undone: such a connection is of use once. */
		buf_append_slice(&setup, buf_slice(&comment));
		buf_append_byte(&setup, '\n');
		if (job->want.readonly > 0)
			buf_appendf(&setup, "SET readonly=%ld\n", job->want.readonly);
	}
	int rc = setup.failed || comment.failed ? no_memory(err) : 0;
	if (rc == 0)
		rc = chdb_session_open(&session, job->engine->chdb, buf_slice(&setup), err);
	if (rc == 0 && !bound)
		rc = chdb_session_run(session, buf_slice(&comment), err);
	if (rc == 0) {
		*reusable = !bound && job->statement.kind != STATEMENT_OTHER;
		*out = session;
	} else {
		chdb_session_close(session, false);
	}
	buf_release(&setup);
	buf_release(&comment);
	return rc;
}

int job_params(struct job *job, struct chdb_params *out, struct error *err)
{
	size_t n = job->want.param_count;
	const char **names = arena_array(&job->arena, n, sizeof(*names));
	const char **values = arena_array(&job->arena, n, sizeof(*values));
	size_t *name_lens = arena_array(&job->arena, n, sizeof(*name_lens));
	size_t *value_lens = arena_array(&job->arena, n, sizeof(*value_lens));
	if (n && (!names || !values || !name_lens || !value_lens))
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		names[i] = job->want.params[i].name.ptr;
		name_lens[i] = job->want.params[i].name.len;
		values[i] = job->want.params[i].value.ptr;
		value_lens[i] = job->want.params[i].value.len;
	}
	*out = (struct chdb_params){names, name_lens, values, value_lens, n};
	return 0;
}
