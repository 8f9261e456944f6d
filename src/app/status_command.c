#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/remote.h"
#include "app/text_table.h"
#include "base/clock.h"
#include "base/units.h"

#define ANSWER_LIMIT ((size_t)16 << 20)
#define TIMEOUT_MS 10000
/* Between two looks, for rates. */
#define RATE_US 1000000
#define MAX_COLUMNS 12
#define CELL 100

struct view {
	struct buf *out;
	bool colour;
	json_t *first, *now; /* two looks, `seconds` apart */
	double seconds;
};

/* --- asking ------------------------------------------------------------------------- */

struct answer {
	int code;
	struct buf body;
};

static int on_head(void *ctx, int code, const char *format)
{
	((struct answer *)ctx)->code = code;
	return 0;
}

static int on_data(void *ctx, struct slice data)
{
	struct answer *a = ctx;
	buf_append_slice(&a->body, data);
	return a->body.failed ? STATUS_LIMIT : 0;
}

/* The answer's bytes in `body`. */
static int ask(const struct remote *remote, struct buf *body, struct error *err)
{
	struct answer a = {.code = 0};
	buf_init_limited(&a.body, ANSWER_LIMIT);
	const struct remote_request request = {.path = "/-/status",
					       .timeout_ms = TIMEOUT_MS,
					       .on_head = on_head,
					       .on_data = on_data,
					       .ctx = &a};
	int rc = remote_call(remote, &request, err);
	if (rc == STATUS_LIMIT)
		error_set(err, STATUS_LIMIT, "the answer is too large");
	if (rc == 0 && a.code != 200)
		rc = error_set(err, STATUS_IO, "%s answers %d: %.*s", remote->url, a.code,
			       (int)strcspn(buf_cstr(&a.body), "\n"), buf_cstr(&a.body));
	if (rc)
		buf_release(&a.body);
	else
		*body = a.body;
	return rc;
}

static json_t *ask_parsed(const struct remote *remote, struct error *err)
{
	struct buf body;
	json_error_t why;
	if (ask(remote, &body, err))
		return NULL;
	json_t *status = json_loadb(body.data, body.len, 0, &why);
	buf_release(&body);
	if (!status)
		error_set(err, STATUS_INVALID, "%s gives no status: %s", remote->url, why.text);
	return status;
}

/* --- pieces ------------------------------------------------------------------------- */

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static uint64_t count_of(json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool is_true(json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static uint64_t sum_of(json_t *object)
{
	const char *key;
	json_t *value;
	uint64_t sum = 0;
	json_object_foreach(object, key, value) sum += (uint64_t)json_integer_value(value);
	return sum;
}

/* "1,234,567" */
static const char *grouped(char out[CELL], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	size_t k = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}

/* "12.3 MiB" */
static const char *sized(char out[CELL], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(out, CELL, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

/* "3d 4h", "5m 12s": the two largest units. */
static const char *lasting(char out[CELL], double seconds)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;
	if (s >= 86400)
		snprintf(out, CELL, "%llud %lluh", (unsigned long long)s / 86400,
			 (unsigned long long)s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(out, CELL, "%lluh %llum", (unsigned long long)s / 3600,
			 (unsigned long long)s % 3600 / 60);
	else if (s >= 60)
		snprintf(out, CELL, "%llum %llus", (unsigned long long)s / 60,
			 (unsigned long long)s % 60);
	else
		snprintf(out, CELL, "%.*fs", seconds < 10 ? 1 : 0, seconds > 0 ? seconds : 0);
	return out;
}

static void styled(struct view *v, const char *text, enum text_style style)
{
	text_append_styled(v->out, text, style, v->colour);
}

/* "log         ", a section's first line. */
static void title(struct view *v, const char *name)
{
	char padded[CELL];
	snprintf(padded, sizeof(padded), "%-12s", name);
	styled(v, padded, TEXT_BOLD);
}

/* --- sections ----------------------------------------------------------------------- */

static size_t count_down(json_t *status)
{
	json_t *listener;
	size_t i, down = 0;
	json_array_foreach(json_object_get(status, "listeners"), i, listener) down +=
		json_object_get(listener, "error") != NULL;
	return down;
}

static void show_head(struct view *v)
{
	char text[CELL];
	bool ready = is_true(v->now, "ready");
	size_t down = count_down(v->now);
	json_t *reason;
	size_t i;
	buf_appendf(v->out, "tripod %s  ", text_of(v->now, "version"));
	if (ready && down) {
		snprintf(text, sizeof(text), "● %zu %s down", down,
			 down == 1 ? "listener" : "listeners");
		styled(v, text, TEXT_BAD);
	} else {
		styled(v, ready ? "● ready" : "● not ready", ready ? TEXT_GOOD : TEXT_BAD);
	}
	buf_appendf(v->out, "  up %s, pid %llu\n",
		    lasting(text, json_number_value(json_object_get(v->now, "uptime_seconds"))),
		    (unsigned long long)count_of(v->now, "pid"));
	json_array_foreach(json_object_get(v->now, "reasons"), i, reason)
	{
		buf_append_cstr(v->out, "  ");
		styled(v, json_string_value(reason) ? json_string_value(reason) : "", TEXT_BAD);
		buf_append_byte(v->out, '\n');
	}
}

static void show_listeners(struct view *v)
{
	json_t *listener;
	size_t i;
	json_array_foreach(json_object_get(v->now, "listeners"), i, listener)
	{
		const char *error = json_string_value(json_object_get(listener, "error"));
		if (i == 0)
			buf_append_byte(v->out, '\n');
		title(v, i ? "" : "listeners");
		buf_appendf(v->out, "%-12s %-22s", text_of(listener, "name"),
			    text_of(listener, "address"));
		if (error) {
			buf_append_byte(v->out, ' ');
			styled(v, error, TEXT_BAD);
		}
		while (v->out->len && v->out->data[v->out->len - 1] == ' ')
			v->out->len--;
		buf_append_byte(v->out, '\n');
	}
}

/* A column of the ledger. */
struct ledger_column {
	const char *title, *key;
	enum {
		COLUMN_NAME, /* a text */
		COLUMN_COUNT, /* a number */
		COLUMN_BAD, /* a number that stands out when it is not 0 */
		COLUMN_SUM, /* of an object's numbers; stands out */
		COLUMN_RATE, /* a number's growth a second */
		COLUMN_LAG, /* seconds */
		COLUMN_BALANCE,
	} kind;
};

/* How it was at the first look. */
static json_t *entry_before(struct view *v, const char *list, json_t *entry, const char *name)
{
	json_t *before;
	size_t i;
	json_array_foreach(json_object_get(v->first, list), i, before)
	{
		if (!strcmp(text_of(before, name), text_of(entry, name)) &&
		    !strcmp(text_of(before, "signal"), text_of(entry, "signal")))
			return before;
	}
	return NULL;
}

static enum text_style fill_cell(struct view *v, const struct ledger_column *column, json_t *entry,
				 json_t *before, char text[CELL])
{
	uint64_t n = count_of(entry, column->key);
	double lag = json_number_value(json_object_get(entry, column->key));
	bool balanced = is_true(entry, "balanced");
	switch (column->kind) {
	case COLUMN_NAME:
		snprintf(text, CELL, "%s", text_of(entry, column->key));
		return TEXT_PLAIN;
	case COLUMN_SUM:
		n = sum_of(json_object_get(entry, column->key));
		grouped(text, n);
		return n ? TEXT_WARN : TEXT_DIM;
	case COLUMN_BAD:
		grouped(text, n);
		return n ? TEXT_WARN : TEXT_DIM;
	case COLUMN_RATE:
		lag = before && v->seconds > 0
			      ? (double)(n - count_of(before, column->key)) / v->seconds
			      : 0;
		grouped(text, lag > 0 ? (uint64_t)(lag + 0.5) : 0);
		return lag > 0 ? TEXT_PLAIN : TEXT_DIM;
	case COLUMN_LAG:
		lasting(text, lag);
		return lag > 60 ? TEXT_WARN : lag > 0 ? TEXT_PLAIN : TEXT_DIM;
	case COLUMN_BALANCE:
		snprintf(text, CELL, "%s", balanced ? "✓" : "does not balance");
		return balanced ? TEXT_GOOD : TEXT_BAD;
	case COLUMN_COUNT:
		break;
	}
	grouped(text, n);
	return TEXT_PLAIN;
}

static void show_ledger(struct view *v, const char *list, const struct ledger_column *columns,
			size_t count)
{
	json_t *entries = json_object_get(v->now, list), *entry;
	struct text_column heads[MAX_COLUMNS];
	const struct text_table_options look = {.colour = v->colour};
	size_t index;
	if (json_array_size(entries) == 0)
		return;
	for (size_t i = 0; i < count; i++)
		heads[i] = (struct text_column){slice_of(columns[i].title),
						columns[i].kind != COLUMN_NAME &&
							columns[i].kind != COLUMN_BALANCE};
	struct text_table *table = text_table_new(heads, count, &look);
	if (!table)
		return;
	buf_append_byte(v->out, '\n');
	json_array_foreach(entries, index, entry)
	{
		char texts[MAX_COLUMNS][CELL];
		struct text_cell cells[MAX_COLUMNS];
		json_t *before = entry_before(v, list, entry, columns[0].key);
		for (size_t i = 0; i < count; i++) {
			cells[i].style = fill_cell(v, &columns[i], entry, before, texts[i]);
			cells[i].text = slice_of(texts[i]);
		}
		text_table_row(table, cells, v->out);
	}
	text_table_end(table, v->out);
	text_table_free(table);
}

static void show_receivers(struct view *v)
{
	static const struct ledger_column columns[] = {
		{"receiver", "receiver", COLUMN_NAME},   {"signal", "signal", COLUMN_NAME},
		{"received", "received", COLUMN_COUNT},  {"accepted", "accepted", COLUMN_COUNT},
		{"rejected", "rejected", COLUMN_SUM},    {"refused", "refused", COLUMN_SUM},
		{"per second", "received", COLUMN_RATE}, {"balance", "balanced", COLUMN_BALANCE},
	};
	show_ledger(v, "receivers", columns, sizeof(columns) / sizeof(columns[0]));
}

static void show_exporters(struct view *v)
{
	static const struct ledger_column columns[] = {
		{"exporter", "exporter", COLUMN_NAME},
		{"signal", "signal", COLUMN_NAME},
		{"accepted", "accepted", COLUMN_COUNT},
		{"delivered", "delivered", COLUMN_COUNT},
		{"queued", "queued", COLUMN_COUNT},
		{"filtered", "filtered", COLUMN_COUNT},
		{"quarantined", "quarantined", COLUMN_BAD},
		{"failed tries", "failed_attempts", COLUMN_BAD},
		{"lag", "lag_seconds", COLUMN_LAG},
		{"per second", "delivered", COLUMN_RATE},
		{"balance", "balanced", COLUMN_BALANCE},
	};
	show_ledger(v, "exporters", columns, sizeof(columns) / sizeof(columns[0]));
}

static void show_log(struct view *v)
{
	char a[CELL], b[CELL], c[CELL], d[CELL];
	json_t *log = json_object_get(v->now, "log");
	if (!log)
		return;
	title(v, "log");
	buf_appendf(v->out, "%s of %s wait, %s on disk, %s requests in %s syncs",
		    sized(a, count_of(log, "waiting_bytes")), sized(b, count_of(log, "max_bytes")),
		    sized(c, count_of(log, "disk_bytes")),
		    grouped(d, count_of(log, "appended_records")),
		    grouped((char[CELL]){0}, count_of(log, "syncs")));
	if (is_true(log, "failed"))
		styled(v, "  cannot be written: senders are refused", TEXT_BAD);
	else if (is_true(log, "full"))
		styled(v, "  full: senders are refused", TEXT_BAD);
	buf_append_byte(v->out, '\n');
}

static void show_rest(struct view *v)
{
	char a[CELL], b[CELL], line[3 * CELL];
	json_t *quarantine = json_object_get(v->now, "quarantine");
	json_t *disk = json_object_get(v->now, "disk");
	json_t *engine = json_object_get(v->now, "engine");
	if (quarantine) {
		uint64_t rows = count_of(quarantine, "rows");
		title(v, "quarantine");
		snprintf(line, sizeof(line), "%s records in %s entries\n", grouped(a, rows),
			 grouped(b, count_of(quarantine, "entries")));
		styled(v, rows ? line : "empty\n", rows ? TEXT_WARN : TEXT_PLAIN);
	}
	if (disk) {
		uint64_t all = count_of(disk, "size_bytes"), left = count_of(disk, "free_bytes");
		title(v, "disk");
		snprintf(line, sizeof(line), "%s of %s free at ", sized(a, left), sized(b, all));
		styled(v, line, left < all / 20 ? TEXT_WARN : TEXT_PLAIN);
		buf_appendf(v->out, "%s\n", text_of(disk, "path"));
	}
	if (engine) {
		bool own = count_of(engine, "pid") != 0;
		title(v, "engine");
		buf_append_cstr(v->out, text_of(engine, "state"));
		if (own)
			buf_appendf(v->out, ", pid %llu, %s, %llu restarts",
				    (unsigned long long)count_of(engine, "pid"),
				    sized(a, count_of(engine, "rss_bytes")),
				    (unsigned long long)count_of(engine, "restarts"));
		buf_append_byte(v->out, '\n');
	}
}

/* --- the command -------------------------------------------------------------------- */

static enum command_exit verdict(json_t *status)
{
	return is_true(status, "ready") && !count_down(status) && is_true(status, "balanced")
		       ? COMMAND_OK
		       : COMMAND_FAILED;
}

static enum command_exit complain(const struct error *err)
{
	fprintf(stderr, "tripod status: %s\n", err->message);
	return COMMAND_FAILED;
}

static enum command_exit print_json(const struct remote *remote)
{
	struct buf body;
	struct error err = {0};
	if (ask(remote, &body, &err))
		return complain(&err);
	json_t *status = json_loadb(body.data, body.len, 0, NULL);
	enum command_exit exit = command_print(&body) ? verdict(status) : COMMAND_FAILED;
	json_decref(status);
	buf_release(&body);
	return exit;
}

static enum command_exit print_view(const struct remote *remote)
{
	struct error err = {0};
	struct buf out = BUF_INIT;
	struct view v = {.out = &out, .colour = command_colour(STDOUT_FILENO)};
	int64_t started = clock_monotonic_ns();
	v.first = ask_parsed(remote, &err);
	if (!v.first)
		return complain(&err);
	usleep(RATE_US);
	v.now = ask_parsed(remote, &err);
	v.seconds = (double)(clock_monotonic_ns() - started) / 1e9;
	if (!v.now) {
		json_decref(v.first);
		return complain(&err);
	}
	show_head(&v);
	show_listeners(&v);
	show_receivers(&v);
	show_exporters(&v);
	buf_append_byte(&out, '\n');
	show_log(&v);
	show_rest(&v);
	enum command_exit exit = command_print(&out) ? verdict(v.now) : COMMAND_FAILED;
	json_decref(v.first);
	json_decref(v.now);
	buf_release(&out);
	return exit;
}

static enum command_exit run_status(const struct command_line *line)
{
	const struct remote remote = remote_of(line);
	return command_has(line, "json") ? print_json(&remote) : print_view(&remote);
}

static const struct command_option options[] = {
	{"json", NULL, "what GET /-/status gives", false},
	REMOTE_OPTIONS,
};

const struct command status_command = {
	.name = "status",
	.summary = "show how a running server is",
	.operands = "",
	.details = "The exit code is 0 when it is ready, all listeners are up and the ledger "
		   "balances, else 1. Rates are those of one second.",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_status,
};
