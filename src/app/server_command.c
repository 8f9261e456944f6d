#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/config_files.h"
#include "app/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stacks.h"
#include "exporters/clickhouse.h"

/* The program while it runs. */
struct running {
	const struct command_line *line;
	struct server *server;
	struct config *first; /* the server's storage is as it says */
	struct config *config; /* the one in use */
	bool announced;
};

static void announce(struct running *running)
{
	struct buf text = BUF_INIT;
	server_print_welcome(running->server, &text);
	command_print(&text);
	buf_release(&text);
	running->announced = true;
}

static void drop_config(struct config *config)
{
	if (config)
		config_release(config);
	free(config);
}

static struct config *read_config(const struct command_line *line)
{
	struct config *config = calloc(1, sizeof(*config));
	if (!config)
		return NULL;
	config_init(config);
	if (config_from_command_line(config, line) == 0)
		return config;
	drop_config(config);
	return NULL;
}

/* The same for a reload, which is stricter. */
static struct config *read_config_again(const struct command_line *line)
{
	struct config *config = calloc(1, sizeof(*config));
	struct buf messages = BUF_INIT;
	if (!config)
		return NULL;
	config_init(config);
	int rc = config_check_command_line(config, line, &messages);
	command_complain(&messages);
	buf_release(&messages);
	if (rc == 0)
		return config;
	drop_config(config);
	return NULL;
}

/* POST /-/reload: what is right is taken up by the main thread, as after kill -HUP. */
static int request_reload(void *ctx, struct server *server, struct buf *messages)
{
	struct running *running = ctx;
	struct config config;
	config_init(&config);
	struct error err;
	int rc = config_check_command_line(&config, running->line, messages);
	if (rc == 0 && (rc = server_check(server, &config, &err)) < 0)
		buf_appendf(messages, "%s\n", err.message);
	config_release(&config);
	if (rc == 0)
		kill(getpid(), SIGHUP);
	return rc;
}

/* A configuration that is wrong, or does not start, leaves the old one running. */
static int reload(struct running *running)
{
	struct error err;
	struct config *config = read_config_again(running->line);
	if (!config) {
		log_error("the new configuration is wrong (see above), the old one stays");
		return 0;
	}
	int rc = server_reload(running->server, config, &err);
	if (rc < 0) {
		log_error("the new configuration does not start, the old one stays",
			  LOG_STR("error", err.message));
		drop_config(config);
		return rc == STATUS_IO ? rc : 0;
	}
	if (running->config != running->first)
		drop_config(running->config);
	running->config = config;
	log_configure(config->service.telemetry.logs.level,
		      config->service.telemetry.logs.encoding);
	log_info("the new configuration is in use");
	return 0;
}

/* Handles signals, which are blocked in every thread, until one ends the program. */
static int run_until_signal(struct running *running, const sigset_t *signals)
{
	int64_t began = clock_monotonic_ns();
	for (;;) {
		struct error why;
		struct timespec poll = {.tv_nsec = 20 * NS_PER_MS};
		int got = running->announced ? sigwaitinfo(signals, NULL)
					     : sigtimedwait(signals, NULL, &poll);
		if (got == SIGHUP && reload(running) < 0)
			return -1;
		if (got == SIGINT || got == SIGTERM) {
			log_info("stopping",
				 LOG_STR("signal", got == SIGINT ? "SIGINT" : "SIGTERM"));
			return 0;
		}
		if (!running->announced && server_is_ready(running->server, &why)) {
			log_info("ready",
				 LOG_INT("ms", (clock_monotonic_ns() - began) / NS_PER_MS));
			announce(running);
		}
	}
}

static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A connection is a descriptor; shells give 1024 for the sake of programs that use select(2). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("the limit of open files stays low", LOG_INT("files", before));
}

static const char agent_needs_exporter[] =
	"tripod agent: an agent has no store, so it needs an exporter that sends to somebody who "
	"has one.\n"
	"For example, agent.yaml:\n\n"
	"  receivers:\n"
	"    otlp:\n"
	"      protocols:\n"
	"        grpc: {endpoint: 127.0.0.1:4317}\n"
	"        http: {endpoint: 127.0.0.1:4318}\n"
	"  exporters:\n"
	"    otlp: {endpoint: tripod.example.com:4317}\n"
	"  service:\n"
	"    pipelines:\n"
	"      logs: {receivers: [otlp], exporters: [otlp]}\n"
	"      traces: {receivers: [otlp], exporters: [otlp]}\n"
	"      metrics: {receivers: [otlp], exporters: [otlp]}\n\n"
	"  tripod agent --config agent.yaml --data /var/lib/tripod-agent\n";

/* Whether nothing is to go into a store, which an agent has not. */
static bool suits_agent(const struct config *config)
{
	const struct component_list *exporters = &config->components[COMPONENT_EXPORTER];
	for (size_t i = 0; i < exporters->count; i++) {
		if (exporters->items[i].used &&
		    exporters->items[i].type == &clickhouse_exporter.type)
			return false;
	}
	return true;
}

static enum command_exit refuse_agent(void)
{
	struct buf text = BUF_INIT;
	buf_append_cstr(&text, agent_needs_exporter);
	command_complain(&text);
	buf_release(&text);
	return COMMAND_FAILED;
}

static enum command_exit run(const struct command_line *line, enum server_role role)
{
	struct running running = {.line = line, .first = read_config(line)};
	struct server_hooks hooks = {.reload = request_reload, .ctx = &running};
	struct error err;
	sigset_t signals;
	if (!running.first)
		return COMMAND_FAILED;
	running.config = running.first;
	if (role == SERVER_AGENT && !suits_agent(running.config)) {
		drop_config(running.config);
		return refuse_agent();
	}
	const struct log_options *logs = &running.config->service.telemetry.logs;
	log_configure(logs->level, logs->encoding);
	block_signals(&signals);
	raise_descriptor_limit();
	int rc = stacks_start(&err);
	if (rc == 0)
		rc = server_start(&running.server, running.config, role, &hooks, &err);
	if (rc < 0) {
		log_error("cannot start", LOG_STR("error", err.message));
	} else {
		rc = run_until_signal(&running, &signals);
		server_stop(running.server);
		log_info("stopped");
	}
	if (running.config != running.first)
		drop_config(running.config);
	drop_config(running.first);
	return rc < 0 ? COMMAND_FAILED : COMMAND_OK;
}

static enum command_exit run_server(const struct command_line *line)
{
	return run(line, SERVER_FULL);
}

static enum command_exit run_agent(const struct command_line *line)
{
	/*
	 * One heap a core would hold on to what each thread once used; and large buffers go back
	 * when the pools let go of them.
	 */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
	return run(line, SERVER_AGENT);
}

static const struct command_option options[] = {CONFIG_OPTION_ROWS};

const struct command server_command = {
	.name = "server",
	.summary = "receive, store, query and show: everything in one process and its engine",
	.operands = "",
	.details =
		"Without --config everything OTLP that arrives on this machine is stored "
		"(`tripod config --built-in`).\n\n"
		"SIGINT, SIGTERM  stop; what is acknowledged and not stored yet is stored at the "
		"next start\n"
		"SIGHUP           read the configuration again; a wrong one leaves the old one\n"
		"SIGUSR2          write the stack of every thread to standard error",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_server,
};

const struct command agent_command = {
	.name = "agent",
	.summary = "receive and send on: no store, no queries, little memory",
	.operands = "",
	.details =
		"Needs a configuration with an exporter that sends to somewhere else.\n\n"
		"SIGINT, SIGTERM  stop; what is acknowledged and not delivered yet is sent after "
		"the next start\n"
		"SIGHUP           read the configuration again; a wrong one leaves the old one\n"
		"SIGUSR2          write the stack of every thread to standard error",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.run = run_agent,
};
