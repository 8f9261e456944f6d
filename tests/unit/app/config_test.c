/*
 * Every file of config/ is read with a registry that has a few components more. What it
 * says is compared with its lines "# expect: …", in order; a file without any is in order.
 * "# env: NAME=value" sets a variable.
 */
#include "app/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- a registry with connectors ----------------------------------------------------- */

struct nothing {
	bool unused;
};
static const struct option nothing_rows[] = {{OPTION(BOOL, struct nothing, unused)}};
static const struct option_table nothing_table = {OPTION_TABLE_OF(struct nothing, nothing_rows)};

static const struct connector_type forward = {
	.type = {.name = "forward", .signals = SIGNALS_ALL, .options = &nothing_table},
	.gives = {[SIGNAL_LOGS] = SIGNAL_BIT(SIGNAL_LOGS),
		  [SIGNAL_TRACES] = SIGNAL_BIT(SIGNAL_TRACES),
		  [SIGNAL_METRICS] = SIGNAL_BIT(SIGNAL_METRICS)},
};
static const struct connector_type count = {
	.type = {.name = "count", .signals = SIGNAL_BIT(SIGNAL_TRACES), .options = &nothing_table},
	.gives = {[SIGNAL_TRACES] = SIGNAL_BIT(SIGNAL_METRICS)},
};
static const struct connector_type *const connectors[] = {&forward, &count, NULL};

static const struct processor_type tail = {
	.type = {.name = "tail", .signals = SIGNAL_BIT(SIGNAL_TRACES), .options = &nothing_table}};

static struct component_registry test_registry(void)
{
	static const struct processor_type *processors[10];
	size_t n = 0;
	for (; builtin_components.processors[n]; n++)
		processors[n] = builtin_components.processors[n];
	processors[n] = &tail;
	struct component_registry registry = builtin_components;
	registry.processors = processors;
	registry.connectors = connectors;
	return registry;
}

/* --- files --------------------------------------------------------------------------- */

struct test_file {
	const char *name;
	struct buf text, expected;
	struct slice env[8]; /* NAME=value */
	size_t env_count;
};

static const char *lookup(void *ctx, const char *name)
{
	static char value[100];
	const struct test_file *file = ctx;
	size_t len = strlen(name);
	for (size_t i = 0; i < file->env_count; i++) {
		struct slice env = file->env[i];
		if (env.len > len && !memcmp(env.ptr, name, len) && env.ptr[len] == '=') {
			snprintf(value, sizeof(value), "%.*s", (int)(env.len - len - 1),
				 env.ptr + len + 1);
			return value;
		}
	}
	return NULL;
}

static bool take(struct slice line, const char *head, struct slice *rest)
{
	if (!slice_starts_with(line, slice_of(head)))
		return false;
	*rest = (struct slice){line.ptr + strlen(head), line.len - strlen(head)};
	return true;
}

static void read_file(struct test_file *file, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/app/config/%s", TEST_SOURCES, name);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	*file = (struct test_file){.name = name};
	buf_init(&file->text);
	buf_init(&file->expected);
	ssize_t n;
	char piece[4096];
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_append(&file->text, piece, (size_t)n);
	close(fd);
	const char *at = file->text.data, *end = at + file->text.len;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct slice line = {at, (size_t)((newline ? newline : end) - at)}, rest;
		if (take(line, "# expect: ", &rest)) {
			buf_append_slice(&file->expected, rest);
			buf_append_byte(&file->expected, '\n');
		} else if (take(line, "# env: ", &rest) && file->env_count < 8) {
			file->env[file->env_count++] = rest;
		}
		at = newline ? newline + 1 : end;
	}
}

static int load(struct config *config, const struct component_registry *registry,
		const struct yaml_variables *variables, const char *name, struct slice text)
{
	struct config_text one = {name, text};
	struct config_request request = {
		.texts = &one, .text_count = 1, .variables = variables, .registry = registry};
	config_init(config);
	return config_load(config, &request);
}

static bool check_file(const char *name)
{
	struct component_registry registry = test_registry();
	struct test_file file;
	struct config config;
	struct buf lines = BUF_INIT, shown = BUF_INIT;
	read_file(&file, name);
	struct yaml_variables variables = {lookup, &file};
	int rc = load(&config, &registry, &variables, name, buf_slice(&file.text));
	for (const struct diagnostic *d = config.diagnostics.first; d; d = d->next) {
		diagnostic_append_line(&lines, d);
		buf_append_byte(&lines, '\n');
	}
	diagnostics_print(&config.diagnostics, &shown, true);
	bool right = slice_eq(buf_slice(&lines), buf_slice(&file.expected)) &&
		     (rc < 0) == (config.diagnostics.errors > 0);
	if (!right)
		fprintf(stderr, "--- %s expects:\n%s--- and gets:\n%s", name,
			buf_cstr(&file.expected), buf_cstr(&lines));
	config_release(&config);
	buf_release(&file.text);
	buf_release(&file.expected);
	buf_release(&lines);
	buf_release(&shown);
	return right;
}

static void test_files(void **state)
{
	DIR *dir = opendir(TEST_SOURCES "/app/config");
	unsigned files = 0, wrong = 0;
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);
		if (len < 5 || strcmp(entry->d_name + len - 5, ".yaml") != 0)
			continue;
		wrong += !check_file(entry->d_name);
		files++;
	}
	closedir(dir);
	assert_true(files > 20);
	assert_int_equal(wrong, 0);
}

/* --- what comes out ------------------------------------------------------------------ */

static const struct yaml_variables no_variables = {lookup, &(struct test_file){0}};

static void test_builtin(void **state)
{
	struct config config;
	assert_int_equal(load(&config, &builtin_components, &no_variables, "empty.yaml", SLICE("")),
			 0);
	assert_int_equal(config.pipeline_count, 3);
	assert_int_equal(config.diagnostics.warnings, 0);
	const struct pipeline_config *logs = &config.pipelines[2];
	assert_int_equal(logs->signal, SIGNAL_LOGS);
	assert_string_equal(logs->receivers.items[0].component->id, "otlp");
	assert_string_equal(logs->processors.items[0].component->type->name, "memory_limiter");
	assert_string_equal(logs->exporters.items[0].component->id, "clickhouse");
	assert_string_equal(config.ui.endpoint, "127.0.0.1:3000");
	assert_string_equal(config.query.endpoint, "127.0.0.1:8123");
	assert_int_equal(config.service.telemetry.logs.level, LOG_LEVEL_INFO);
	config_release(&config);
}

static void test_own_sections_go_over_the_builtin_pipelines(void **state)
{
	struct config config;
	assert_int_equal(load(&config, &builtin_components, &no_variables, "own.yaml",
			      SLICE("storage: {retention: {logs: 3d}}\n")),
			 0);
	assert_int_equal(config.pipeline_count, 3);
	assert_int_equal(config.storage.retention.logs, INT64_C(3) * 86400 * 1000000000);
	assert_int_equal(config.storage.retention.traces, INT64_C(7) * 86400 * 1000000000);
	config_release(&config);
}

static void test_texts_and_sets_are_laid_over_each_other(void **state)
{
	static const struct config_text texts[] = {
		{"a.yaml", {"storage: {data_dir: /a, database: a}\n", 37}},
		{"b.yaml", {"storage: {database: b}\n", 23}},
	};
	static const char *const sets[] = {"storage.data_dir=/c",
					   "receivers.otlp.protocols.http.endpoint=localhost:1"};
	struct config_request request = {texts, 2, sets, 2, &no_variables, &builtin_components};
	struct config config;
	struct buf text = BUF_INIT;
	config_init(&config);
	assert_int_equal(config_load(&config, &request), 0);
	assert_string_equal(config.storage.data_dir, "/c");
	assert_string_equal(config.storage.database, "b");
	config_print(&config, &text);
	assert_non_null(strstr(buf_cstr(&text), "        endpoint: localhost:1\n"));
	buf_release(&text);
	config_release(&config);
}

static void test_wrong_sets(void **state)
{
	static const char *const sets[] = {"foo", "a..b=1", "storage.retention.logs=x", "=1"};
	struct config_request request = {.sets = sets,
					 .set_count = 4,
					 .variables = &no_variables,
					 .registry = &builtin_components};
	struct config config;
	config_init(&config);
	assert_int_equal(config_load(&config, &request), STATUS_INVALID);
	assert_int_equal(config.diagnostics.errors, 3);
	config_release(&config);

	request = (struct config_request){.sets = sets + 2,
					  .set_count = 1,
					  .variables = &no_variables,
					  .registry = &builtin_components};
	struct buf line = BUF_INIT;
	config_init(&config);
	assert_int_equal(config_load(&config, &request), STATUS_INVALID);
	diagnostic_append_line(&line, config.diagnostics.first);
	assert_string_equal(buf_cstr(&line),
			    "--set storage.retention.logs=x: storage.retention.logs: found \"x\", "
			    "expected a duration such as 30d, or off");
	buf_release(&line);
	config_release(&config);
}

/* The effective configuration of every file that is right is read back to the same one. */
static void test_print_is_read_back(void **state)
{
	static const char *const names[] = {"field_gateway.yaml", "field_agent.yaml",
					    "field_variables.yaml"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct test_file file;
		struct config first, second;
		struct buf once = BUF_INIT, twice = BUF_INIT;
		read_file(&file, names[i]);
		struct yaml_variables variables = {lookup, &file};
		assert_int_equal(load(&first, &builtin_components, &variables, names[i],
				      buf_slice(&file.text)),
				 0);
		config_print(&first, &once);
		assert_int_equal(load(&second, &builtin_components, &variables, "printed.yaml",
				      buf_slice(&once)),
				 0);
		config_print(&second, &twice);
		assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
		config_release(&first);
		config_release(&second);
		buf_release(&once);
		buf_release(&twice);
		buf_release(&file.text);
		buf_release(&file.expected);
	}
}

static void test_secrets_are_hidden(void **state)
{
	struct config config;
	struct buf text = BUF_INIT;
	assert_int_equal(load(&config, &builtin_components, &no_variables, "s.yaml",
			      SLICE("storage: {endpoint: 'http://ch', user: u, password: hunter2}\n"
				    "auth: {tokens: [{name: n, token: hunter2hunter2hunter2, "
				    "role: read}]}\n")),
			 0);
	config_print(&config, &text);
	assert_null(strstr(buf_cstr(&text), "hunter2"));
	assert_non_null(strstr(buf_cstr(&text), "token: <hidden>"));
	assert_string_equal(config.storage.password, "hunter2");
	buf_release(&text);
	config_release(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_own_sections_go_over_the_builtin_pipelines),
		cmocka_unit_test(test_texts_and_sets_are_laid_over_each_other),
		cmocka_unit_test(test_wrong_sets),
		cmocka_unit_test(test_print_is_read_back),
		cmocka_unit_test(test_secrets_are_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
