#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/query_table.h"
#include "app/remote.h"
#include "base/clock.h"

#define REFUSAL_LIMIT ((size_t)64 << 10)
/* Of an answer that is passed on: an exception at its end is not for the output. */
#define HELD_BACK ((size_t)16 << 10)
#define LINE_LIMIT ((size_t)256 << 20)
#define STATEMENT_LIMIT ((size_t)4 << 20)
#define EXCEPTION_MARK "__exception__"

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_COUNT };

static const struct {
	const char *name, *format; /* ClickHouse's */
} outputs[OUTPUT_COUNT] = {
	[OUTPUT_TABLE] = {"table", "JSONCompactEachRowWithNamesAndTypes"},
	[OUTPUT_JSON] = {"json", "JSONEachRow"},
	[OUTPUT_CSV] = {"csv", "CSVWithNames"},
};

struct answer {
	enum output output;
	int code;
	bool as_table; /* else bytes are passed on as they are */
	struct query_table *table;
	struct buf refusal; /* the body of an answer that is not 200 */
	struct buf held; /* a line that is not whole, or bytes that are held back */
	struct buf out;
	bool failed_late; /* an exception stands behind the data */
	bool pipe_closed; /* nobody reads what is written, which is no failure */
	struct error err;
};

/* --- the answer --------------------------------------------------------------------- */

static int write_out(struct answer *a)
{
	if (a->out.len == 0 && !a->out.failed)
		return 0;
	bool ok = fwrite(a->out.data, 1, a->out.len, stdout) == a->out.len && !a->out.failed;
	buf_clear(&a->out);
	if (ok)
		return 0;
	a->pipe_closed = errno == EPIPE;
	return error_set(&a->err, STATUS_IO, "the output cannot be written");
}

static int on_head(void *ctx, int code, const char *format)
{
	struct answer *a = ctx;
	a->code = code;
	/* A FORMAT in the statement itself counts. */
	a->as_table = a->output == OUTPUT_TABLE && !strcmp(format, outputs[OUTPUT_TABLE].format);
	return 0;
}

static int take_line(struct answer *a, struct slice line)
{
	while (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (slice_eq_cstr(line, EXCEPTION_MARK))
		a->failed_late = true;
	if (a->failed_late) {
		buf_append_slice(&a->refusal, line);
		buf_append_byte(&a->refusal, '\n');
		return 0;
	}
	return line.len ? query_table_line(a->table, line, &a->out, &a->err) : 0;
}

static int take_lines(struct answer *a, struct slice data)
{
	int rc = 0;
	while (data.len && rc == 0) {
		const char *nl = memchr(data.ptr, '\n', data.len);
		size_t len = nl ? (size_t)(nl - data.ptr) : data.len;
		if (!nl || a->held.len)
			buf_append(&a->held, data.ptr, len);
		if (a->held.failed)
			return error_set(&a->err, STATUS_LIMIT, "a row is larger than %zu bytes",
					 LINE_LIMIT);
		if (!nl)
			break;
		rc = take_line(a,
			       a->held.len ? buf_slice(&a->held) : (struct slice){data.ptr, len});
		buf_clear(&a->held);
		data.ptr += len + 1;
		data.len -= len + 1;
	}
	return rc ? rc : write_out(a);
}

static int pass_on(struct answer *a, struct slice data)
{
	buf_append_slice(&a->held, data);
	if (a->held.failed)
		return error_set(&a->err, STATUS_NO_MEMORY, "out of memory");
	if (a->held.len <= HELD_BACK)
		return 0;
	size_t go = a->held.len - HELD_BACK;
	buf_append(&a->out, a->held.data, go);
	memmove(a->held.data, a->held.data + go, HELD_BACK);
	a->held.len = HELD_BACK;
	return write_out(a);
}

static int on_data(void *ctx, struct slice data)
{
	struct answer *a = ctx;
	if (a->code == 200)
		return a->as_table ? take_lines(a, data) : pass_on(a, data);
	size_t room = a->refusal.limit - a->refusal.len;
	buf_append(&a->refusal, data.ptr, data.len < room ? data.len : room);
	return 0;
}

/* What was held back, without an exception at its end when the answer was not whole. */
static int release_held(struct answer *a, bool whole)
{
	struct slice held = buf_slice(&a->held);
	static const char mark[] = "\r\n" EXCEPTION_MARK "\r\n";
	const char *at =
		whole || !held.len ? NULL : memmem(held.ptr, held.len, mark, sizeof(mark) - 1);
	if (at) {
		a->failed_late = true;
		buf_append(&a->refusal, at, held.len - (size_t)(at - held.ptr));
		held.len = (size_t)(at - held.ptr);
	}
	buf_append_slice(&a->out, held);
	buf_clear(&a->held);
	return write_out(a);
}

/* --- failures ----------------------------------------------------------------------- */

/*
 * "Code: 62. DB::Exception: Syntax error: …. (SYNTAX_ERROR) (version …)", somewhere in what
 * the server said, becomes "Syntax error: … (SYNTAX_ERROR, code 62)".
 */
static void complain_exception(struct answer *a)
{
	const char *text = buf_cstr(&a->refusal);
	const char *code = strstr(text, "Code: ");
	const char *message = code ? strstr(code, "DB::Exception: ") : NULL;
	if (!message) {
		size_t len = strcspn(text, "\r\n");
		fprintf(stderr, "tripod query: %.*s\n", (int)len, len ? text : "no answer");
		return;
	}
	message += strlen("DB::Exception: ");
	size_t len = strcspn(message, "\n");
	while (len && strchr("\r ", message[len - 1]))
		len--;
	unsigned long number = strtoul(code + strlen("Code: "), NULL, 10);
	if (len && message[len - 1] == ')') {
		fprintf(stderr, "tripod query: %.*s, code %lu)\n", (int)len - 1, message, number);
		return;
	}
	fprintf(stderr, "tripod query: %.*s (code %lu)\n", (int)len, message, number);
}

/* --- the command -------------------------------------------------------------------- */

static unsigned terminal_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static int read_statement(struct buf *out)
{
	char bytes[65536];
	for (size_t n; (n = fread(bytes, 1, sizeof(bytes), stdin)) > 0;)
		buf_append(out, bytes, n);
	return ferror(stdin) || out->failed ? STATUS_IO : 0;
}

/* "12 rows in 34 ms", and what was not shown; for people only. */
static void print_footer(const struct answer *a, int64_t ns)
{
	struct buf text = BUF_INIT, note = BUF_INIT, styled = BUF_INIT;
	size_t rows = query_table_rows(a->table);
	query_table_append_note(a->table, &note);
	buf_appendf(&text, "%zu row%s in %.0f ms", rows, rows == 1 ? "" : "s", (double)ns / 1e6);
	if (note.len)
		buf_appendf(&text, "; %s (--output json has all)", buf_cstr(&note));
	text_append_styled(&styled, buf_cstr(&text), TEXT_DIM, command_colour(STDERR_FILENO));
	buf_append_byte(&styled, '\n');
	command_complain(&styled);
	buf_release(&styled);
	buf_release(&text);
	buf_release(&note);
}

static enum command_exit finish(struct answer *a, int rc, int64_t ns)
{
	int late = 0;
	if (a->code == 200 && a->as_table) {
		query_table_end(a->table, &a->out);
		late = write_out(a);
	} else if (a->code == 200) {
		late = release_held(a, rc == 0);
	}
	if (fflush(stdout) != 0 && !late) {
		a->pipe_closed = errno == EPIPE;
		late = error_set(&a->err, STATUS_IO, "the output cannot be written");
	}
	if (a->pipe_closed)
		return COMMAND_OK;
	if (a->failed_late || (a->code && a->code != 200)) {
		complain_exception(a);
		return COMMAND_FAILED;
	}
	if (rc || late) {
		fprintf(stderr, "tripod query: %s\n", a->err.message);
		return COMMAND_FAILED;
	}
	if (a->as_table && isatty(STDOUT_FILENO))
		print_footer(a, ns);
	return COMMAND_OK;
}

static enum command_exit run_sql(const struct command_line *line, struct slice sql,
				 enum output output)
{
	const struct remote remote = remote_of(line);
	const struct text_table_options look = {.width = terminal_width(),
						.colour = command_colour(STDOUT_FILENO)};
	struct answer a = {.output = output, .table = query_table_new(&look)};
	char path[300];
	buf_init_limited(&a.refusal, REFUSAL_LIMIT);
	buf_init_limited(&a.held, LINE_LIMIT);
	buf_init(&a.out);
	if (!a.table) {
		fprintf(stderr, "tripod query: out of memory\n");
		return COMMAND_FAILED;
	}
	snprintf(path, sizeof(path),
		 "/clickhouse/?default_format=%s&output_format_json_quote_64bit_integers=0"
		 "&output_format_json_quote_denormals=1&output_format_json_validate_utf8=1",
		 outputs[output].format);
	const struct remote_request request = {
		.path = path, .body = sql, .on_head = on_head, .on_data = on_data, .ctx = &a};
	int64_t started = clock_monotonic_ns();
	int rc = remote_call(&remote, &request, &a.err);
	enum command_exit exit = finish(&a, rc, clock_monotonic_ns() - started);
	query_table_free(a.table);
	buf_release(&a.refusal);
	buf_release(&a.held);
	buf_release(&a.out);
	return exit;
}

static enum command_exit run_query(const struct command_line *line)
{
	const char *name = command_value(line, "output");
	size_t output = 0;
	while (name && output < OUTPUT_COUNT && strcmp(outputs[output].name, name) != 0)
		output++;
	if (output == OUTPUT_COUNT)
		return command_usage(line, "--output is table, json or csv, not %s", name);
	if (strcmp(line->operands[0], "sql") != 0)
		return command_usage(line, "the language is sql, not %s", line->operands[0]);
	struct buf text;
	buf_init_limited(&text, STATEMENT_LIMIT);
	buf_append_cstr(&text, line->operands[1]);
	if (strcmp(line->operands[1], "-") == 0) {
		buf_clear(&text);
		if (read_statement(&text)) {
			buf_release(&text);
			return command_usage(line, "the statement cannot be read");
		}
	}
	/* A closed pipe is noticed when writing. */
	signal(SIGPIPE, SIG_IGN);
	enum command_exit exit =
		run_sql(line, (struct slice){buf_cstr(&text), text.len}, (enum output)output);
	buf_release(&text);
	return exit;
}

static const struct command_option options[] = {
	{"output", "FORMAT",
	 "table (the default), json (an object a line), or csv (with a line of names)", false},
	REMOTE_OPTIONS,
};

const struct command query_command = {
	.name = "query",
	.summary = "ask a running server in SQL",
	.operands = "sql STATEMENT",
	.least_operands = 2,
	.most_operands = 2,
	.details = "The statement - is read from standard input. Rows are printed as they come; "
		   "a FORMAT in the\nstatement itself counts. The tables are otel_logs, "
		   "otel_traces and otel_metrics_*.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_query,
};
