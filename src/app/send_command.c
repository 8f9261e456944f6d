#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/send/demo.h"
#include "app/send/load.h"
#include "app/send/sender.h"
#include "base/clock.h"
#include "base/units.h"

#define TEMPLATES 32 /* requests made before the run, for each signal */
#define LAST_ANSWERS_MS 30000
#define MAX_HEADERS 32

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

/* --- options ------------------------------------------------------------------------ */

struct send_options {
	struct sender_options sender;
	struct option_pair headers[MAX_HEADERS];
	unsigned signals; /* bits */
	uint64_t count, batch;
	double rate; /* records a second; 0: as fast as they are taken */
	int64_t duration; /* ns; 0: until count, or Ctrl-C for the demo */
	int64_t history;
	bool demo;
};

static bool read_number(const struct command_line *line, const char *name, uint64_t least,
			uint64_t most, uint64_t *out)
{
	const char *text = command_value(line, name);
	char *end;
	if (!text)
		return true;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < least || value > most)
		return false;
	*out = value;
	return true;
}

static bool read_duration(const struct command_line *line, const char *name, int64_t *out)
{
	const char *text = command_value(line, name);
	return !text || duration_parse(out, slice_of(text)) == 0;
}

static bool read_protocol(const struct command_line *line, enum send_protocol *out)
{
	static const char *const names[] = {"grpc", "http/protobuf", "http/json"};
	const char *text = command_value(line, "protocol");
	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*out = (enum send_protocol)i;
			return true;
		}
	}
	return !text;
}

static bool read_signals(const struct command_line *line, unsigned *out)
{
	const char *text;
	for (size_t i = 0; (text = command_nth(line, "signal", i)); i++) {
		unsigned before = *out;
		for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
			if (!strcmp(text, signal_name((enum signal)signal)))
				*out |= 1u << signal;
		}
		if (*out == before)
			return false;
	}
	if (!*out)
		*out = (1u << SIGNAL_COUNT) - 1;
	return true;
}

/* "authorization=Bearer x": splits a copy in place. */
static bool read_headers(const struct command_line *line, struct send_options *options)
{
	const char *text;
	for (size_t i = 0; (text = command_nth(line, "headers", i)); i++) {
		char *copy = strdup(text), *equals = copy ? strchr(copy, '=') : NULL;
		if (!equals || equals == copy || i == MAX_HEADERS) {
			free(copy);
			return false;
		}
		*equals = 0;
		options->headers[options->sender.header_count++] =
			(struct option_pair){copy, equals + 1};
	}
	options->sender.headers = options->headers;
	return true;
}

static void release_headers(struct send_options *options)
{
	for (size_t i = 0; i < options->sender.header_count; i++)
		free((char *)options->headers[i].key);
}

/* Says which option is wrong: NULL when all are right. */
static const char *read_options(const struct command_line *line, struct send_options *options)
{
	uint64_t connections = 1, in_flight = 4, rate = 0;
	*options =
		(struct send_options){.count = 1000, .batch = 100, .history = 3600 * NS_PER_SECOND};
	options->demo = command_has(line, "demo");
	if (!read_protocol(line, &options->sender.protocol))
		return "--protocol is grpc, http/protobuf or http/json";
	if (!read_signals(line, &options->signals))
		return "--signal is logs, traces or metrics";
	if (!read_headers(line, options))
		return "--headers is NAME=VALUE";
	if (!read_number(line, "count", 1, UINT64_MAX / 2, &options->count))
		return "--count is a number of records";
	if (!read_number(line, "batch", 1, 100000, &options->batch))
		return "--batch is a number of records, at most 100000";
	if (!read_number(line, "rate", 1, 1000000000, &rate))
		return "--rate is a number of records a second";
	if (!read_number(line, "connections", 1, 4096, &connections))
		return "--connections is a number, at most 4096";
	if (!read_number(line, "in-flight", 1, 1000, &in_flight))
		return "--in-flight is a number, at most 1000";
	if (!read_duration(line, "duration", &options->duration))
		return "--duration is a time such as 30s or 5m";
	if (!read_duration(line, "history", &options->history))
		return "--history is a time such as 1h";
	if (options->duration && !command_value(line, "count"))
		options->count = UINT64_MAX / 2;
	const char *endpoint = command_value(line, "endpoint");
	if (!endpoint)
		endpoint = options->sender.protocol == SEND_GRPC ? "http://127.0.0.1:4317"
								 : "http://127.0.0.1:4318";
	options->rate = (double)rate;
	options->sender.endpoint = endpoint;
	options->sender.ca_file = command_value(line, "ca-file");
	options->sender.connections = (unsigned)connections;
	options->sender.in_flight = (unsigned)in_flight;
	return NULL;
}

/* --- what it says ------------------------------------------------------------------- */

/* "1,234,567" */
static void put_number(struct buf *out, uint64_t n)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_append_byte(out, ',');
		buf_append_byte(out, (uint8_t)digits[i]);
	}
}

static void put_time(struct buf *out, uint64_t us)
{
	if (us < 1000)
		buf_appendf(out, "%" PRIu64 " µs", us);
	else if (us < 1000000)
		buf_appendf(out, "%.1f ms", (double)us / 1e3);
	else
		buf_appendf(out, "%.2f s", (double)us / 1e6);
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void put_latencies(struct buf *out, const struct sender_stats *stats)
{
	static const struct {
		const char *name;
		double quantile;
	} rows[] = {{"p50 ", 0.5}, {"  p99 ", 0.99}, {"  max ", 1}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_append_cstr(out, rows[i].name);
		put_time(out, sender_quantile(stats, rows[i].quantile));
	}
}

/* A line that is written over while it goes on; only on a terminal. */
static void show_progress(struct sender *sender, int64_t began, bool last)
{
	struct sender_stats stats;
	struct buf line = BUF_INIT;
	if (!isatty(STDERR_FILENO))
		return;
	sender_stats(sender, &stats);
	double seconds = (double)(clock_monotonic_ns() - began) / 1e9;
	buf_appendf(&line, "\r\033[K%6.1f s  ", seconds);
	put_number(&line, stats.records);
	buf_append_cstr(&line, " records  ");
	put_number(&line, (uint64_t)((double)stats.records / (seconds > 0 ? seconds : 1)));
	buf_append_cstr(&line, "/s  ");
	put_latencies(&line, &stats);
	if (stats.retries || stats.failed_requests)
		buf_appendf(&line, "  %" PRIu64 " retries, %" PRIu64 " refused", stats.retries,
			    stats.failed_requests);
	buf_append_cstr(&line, last ? "\n" : "");
	command_complain(&line);
	buf_release(&line);
}

static enum command_exit report(struct sender *sender, const struct send_options *options,
				int64_t began, bool all_answered)
{
	struct sender_stats stats;
	struct buf out = BUF_INIT;
	double seconds = (double)(clock_monotonic_ns() - began) / 1e9;
	sender_stats(sender, &stats);
	bool ok = all_answered && !stats.failed_requests;
	buf_append_cstr(&out, "sent      ");
	put_number(&out, stats.records);
	buf_append_cstr(&out, " records in ");
	put_number(&out, stats.requests);
	buf_appendf(&out, " requests, %.1f MB, to %s\n", (double)stats.bytes / 1e6,
		    options->sender.endpoint);
	buf_appendf(&out, "took      %.2f s: ", seconds);
	put_number(&out, (uint64_t)((double)stats.records / seconds));
	buf_appendf(&out, " records/s, %.1f MB/s\n", (double)stats.bytes / 1e6 / seconds);
	buf_append_cstr(&out, "answers   ");
	put_latencies(&out, &stats);
	buf_appendf(&out,
		    "\nerrors    %" PRIu64 " requests refused, %" PRIu64 " tried again, %" PRIu64
		    " records left out\n",
		    stats.failed_requests, stats.retries, stats.left_out_records);
	if (stats.problem[0])
		buf_appendf(&out, "          the last: %s\n", stats.problem);
	if (!all_answered)
		buf_append_cstr(&out, "          not everything was answered\n");
	buf_appendf(&out, "cpu       %.2f s here\n", cpu_seconds());
	command_print(&out);
	buf_release(&out);
	return ok ? COMMAND_OK : COMMAND_FAILED;
}

/* --- sending ------------------------------------------------------------------------ */

static bool make_templates(const struct send_options *options,
			   struct load_request templates[SIGNAL_COUNT][TEMPLATES])
{
	for (int signal = 0; signal < SIGNAL_COUNT; signal++) {
		for (unsigned i = 0; i < TEMPLATES; i++) {
			if (options->signals & 1u << signal &&
			    !load_request_make(&templates[signal][i], (enum signal)signal,
					       (unsigned)options->batch, i + 1))
				return false;
		}
	}
	return true;
}

/* Sleeps until the time to send, showing how far it is. */
static void pace(struct sender *sender, int64_t began, int64_t at, int64_t *shown)
{
	for (;;) {
		int64_t now = clock_monotonic_ns(), left = at - now;
		if (now - *shown >= NS_PER_SECOND / 2) {
			show_progress(sender, began, false);
			*shown = now;
		}
		if (left <= 0 || interrupted)
			return;
		int64_t step = left < NS_PER_SECOND / 4 ? left : NS_PER_SECOND / 4;
		nanosleep(&(struct timespec){.tv_nsec = step}, NULL);
	}
}

static int send_load(struct sender *sender, const struct send_options *options,
		     struct load_request templates[SIGNAL_COUNT][TEMPLATES], int64_t began,
		     struct error *err)
{
	uint64_t sent = 0;
	int64_t shown = began;
	for (uint64_t n = 0; sent < options->count && !interrupted; n++) {
		int64_t at = 0, now = clock_monotonic_ns();
		if (options->rate > 0)
			at = began + (int64_t)((double)sent / options->rate * 1e9);
		if (options->duration && (at ? at : now) - began >= options->duration)
			break;
		pace(sender, began, at, &shown);
		enum signal signal = (enum signal)(n % SIGNAL_COUNT);
		if (!(options->signals & 1u << signal))
			continue;
		struct load_request *request = &templates[signal][n / SIGNAL_COUNT % TEMPLATES];
		load_request_set_time(request, (uint64_t)clock_unix_ns());
		int rc = sender_send(sender, signal, buf_slice(&request->protobuf), options->batch,
				     at, err);
		if (rc < 0)
			return rc;
		sent += options->batch;
	}
	return 0;
}

static int run_load(struct sender *sender, const struct send_options *options, int64_t began,
		    struct error *err)
{
	struct load_request(*templates)[TEMPLATES] = calloc(SIGNAL_COUNT, sizeof(*templates));
	int rc = templates && make_templates(options, templates)
			 ? send_load(sender, options, templates, began, err)
			 : error_set(err, STATUS_NO_MEMORY, "out of memory");
	for (int signal = 0; templates && signal < SIGNAL_COUNT; signal++) {
		for (unsigned i = 0; i < TEMPLATES; i++)
			load_request_release(&templates[signal][i]);
	}
	free(templates);
	return rc;
}

/* --- the demo ----------------------------------------------------------------------- */

static int run_demo(struct sender *sender, const struct send_options *options, int64_t began,
		    struct error *err)
{
	struct demo *demo;
	struct buf text = BUF_INIT;
	uint64_t start = (uint64_t)clock_unix_ns();
	uint64_t end = options->duration ? start + (uint64_t)options->duration : UINT64_MAX;
	int64_t shown = began;
	int rc = demo_new(&demo, start - (uint64_t)options->history, err);
	if (rc < 0)
		return rc;
	buf_appendf(&text,
		    "A shop of %u services, to %s: first what happened before now, then live "
		    "until %s.\n",
		    DEMO_SERVICES, options->sender.endpoint,
		    options->duration ? "the time is over" : "Ctrl-C");
	command_complain(&text);
	buf_release(&text);
	while (rc == 0 && !interrupted && demo_time(demo) < end) {
		uint64_t now = (uint64_t)clock_unix_ns(), at = demo_time(demo) + DEMO_STEP;
		if (at > now)
			pace(sender, began, clock_monotonic_ns() + (int64_t)(at - now), &shown);
		rc = demo_step(demo);
		for (int signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
			uint64_t records;
			struct slice request = demo_request(demo, (enum signal)signal, &records);
			if (records && options->signals & 1u << signal)
				rc = sender_send(sender, (enum signal)signal, request, records, 0,
						 err);
		}
		if (clock_monotonic_ns() - shown > NS_PER_SECOND / 2)
			pace(sender, began, 0, &shown);
	}
	demo_free(demo);
	return rc;
}

/* --- the command -------------------------------------------------------------------- */

static enum command_exit run(const struct command_line *line)
{
	struct send_options options;
	struct sender *sender = NULL;
	struct error err = {0};
	const char *wrong = read_options(line, &options);
	if (wrong) {
		release_headers(&options);
		return command_usage(line, "%s", wrong);
	}
	signal(SIGPIPE, SIG_IGN);
	/* The second one ends it at once. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	enum command_exit code = COMMAND_FAILED;
	int64_t began = clock_monotonic_ns();
	int rc = sender_start(&sender, &options.sender, &err);
	if (rc == 0)
		rc = options.demo ? run_demo(sender, &options, began, &err)
				  : run_load(sender, &options, began, &err);
	if (rc == 0) {
		bool all = sender_wait(sender, interrupted ? 2000 : LAST_ANSWERS_MS);
		show_progress(sender, began, true);
		code = report(sender, &options, began, all);
	} else {
		struct buf text = BUF_INIT;
		buf_appendf(&text, "tripod send: %s\n", err.message);
		command_complain(&text);
		buf_release(&text);
	}
	sender_free(sender);
	release_headers(&options);
	return code;
}

static const struct command_option options_table[] = {
	{"endpoint", "URL", "where to; default: http://127.0.0.1:4317, with HTTP :4318", false},
	{"protocol", "NAME", "grpc (default), http/protobuf or http/json", false},
	{"headers", "NAME=VALUE", "a header of each request", true},
	{"ca-file", "FILE", "the authority to trust with https://, PEM", false},
	{"signal", "NAME", "logs, traces or metrics; default: all three", true},
	{"count", "N", "records to send; default: 1000", false},
	{"duration", "TIME", "send for so long instead: 30s, 5m", false},
	{"rate", "N", "records a second; default: as fast as they are taken", false},
	{"batch", "N", "records of a request; default: 100", false},
	{"connections", "N", "connections; default: 1", false},
	{"in-flight", "N", "requests of a connection that wait for their answer; default: 4",
	 false},
	{"demo", NULL, "send what a shop of several services does: traces, logs, metrics", false},
	{"history", "TIME", "how far back the demo begins; default: 1h", false},
};

const struct command send_command = {
	.name = "send",
	.summary = "send test or demo telemetry to any OTLP address",
	.operands = "",
	.details = "Without --demo: made-up records as fast as the receiver takes them, or at "
		   "--rate, and how long it took to answer. With --rate a request's time counts "
		   "from when it should have been sent.",
	.options = options_table,
	.option_count = sizeof(options_table) / sizeof(options_table[0]),
	.run = run,
};
