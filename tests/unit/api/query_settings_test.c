#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/query_settings.h"
#include "store/exception.h"

static const struct sql_limits limits = {.max_execution_ms = 30000,
					 .max_memory = 1 << 30,
					 .max_result_rows = 1000,
					 .max_result_bytes = 0};

struct fixture {
	struct arena arena;
	struct query_request request;
	struct error err;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	arena_init(&fixture.arena, 1 << 20);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	arena_release(&((struct fixture *)*state)->arena);
	return 0;
}

static int read_url(struct fixture *f, const char *url)
{
	int rc = query_request_read(&f->request, slice_of(url), NULL, "tele", &limits, &f->arena,
				    &f->err);
	return rc ? rc : query_request_finish(&f->request, &f->err);
}

/* What the store takes: the last of that name. */
static const char *option(const struct fixture *f, const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < f->request.option_count; i++) {
		if (!strcmp(f->request.options[i].name, name))
			value = f->request.options[i].value;
	}
	return value;
}

static void assert_refused(struct fixture *f, const char *url, int code)
{
	if (read_url(f, url) == 0)
		fail_msg("not refused: %s", url);
	if (exception_code_of(slice_of(f->err.message)) != code)
		fail_msg("%s: %s", url, f->err.message);
}

static void limits_hold_without_any_word(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_url(f, ""), 0);
	assert_string_equal(option(f, "max_execution_time"), "30.000");
	assert_string_equal(option(f, "max_memory_usage"), "1073741824");
	assert_string_equal(option(f, "max_result_rows"), "1000");
	assert_null(option(f, "max_result_bytes"));
	assert_string_equal(option(f, "result_overflow_mode"), "throw");
	assert_string_equal(option(f, "readonly"), "1");
	assert_null(f->request.query.ptr);
	assert_null(f->request.query_id);
}

static void limits_can_be_lowered_only(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_url(f, "max_execution_time=2.5&max_result_rows=10&max_memory_usage="
				     "99999999999&max_result_bytes=77&readonly=0&"
				     "result_overflow_mode=break"),
			 0);
	assert_string_equal(option(f, "max_execution_time"), "2.500");
	assert_int_equal(f->request.limits.max_execution_ms, 2500);
	assert_string_equal(option(f, "max_result_rows"), "10");
	assert_string_equal(option(f, "max_memory_usage"), "1073741824");
	assert_string_equal(option(f, "max_result_bytes"), "77");
	assert_string_equal(option(f, "readonly"), "1");
	assert_string_equal(option(f, "result_overflow_mode"), "throw");
	assert_int_equal(read_url(f, "max_result_rows=0&max_execution_time=0"), 0);
	assert_string_equal(option(f, "max_result_rows"), "1000");
	assert_string_equal(option(f, "max_execution_time"), "30.000");
	assert_refused(f, "max_result_rows=many", EXCEPTION_BAD_ARGUMENTS);
	assert_refused(f, "max_result_rows=-1", EXCEPTION_BAD_ARGUMENTS);
	assert_refused(f, "max_execution_time=99999999999999999999999", EXCEPTION_BAD_ARGUMENTS);
}

static void what_is_not_known_is_refused(void **state)
{
	static const char *const urls[] = {
		"max_network_bandwidth=1",
		"output_format_schema=%2Ftmp%2Fx",
		"format_schema=x",
		"format_template_row=%2Fetc%2Fpasswd",
		"additional_table_filters=x",
		"allow_ddl=1",
		"user_files_path=%2F",
		"MAX_THREADS=1",
		NULL,
	};
	for (int i = 0; urls[i]; i++)
		assert_refused(*state, urls[i], EXCEPTION_READONLY);
}

static void what_is_ours_does_not_reach_the_store(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_url(f, "user=default&password=secret&session_id=x&role=admin&"
				     "http_write_exception_in_output_format=1&log_comment=x"),
			 0);
	for (size_t i = 0; i < f->request.option_count; i++)
		assert_true(strncmp(f->request.options[i].name, "max_", 4) == 0 ||
			    strstr(f->request.options[i].name, "overflow_mode") ||
			    !strcmp(f->request.options[i].name, "readonly"));
}

static void requests_are_taken_apart(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(read_url(f,
				  "query=SELECT+%7Ba%3AString%7D&param_a=x%26y&query_id=id-1&"
				  "default_format=JSON&enable_http_compression=1&database=default&"
				  "&=&output_format_json_quote_64bit_integers=0"),
			 0);
	assert_true(slice_eq_cstr(f->request.query, "SELECT {a:String}"));
	assert_string_equal(f->request.query_id, "id-1");
	assert_true(f->request.compress);
	assert_int_equal(f->request.param_count, 1);
	assert_true(slice_eq_cstr(f->request.params[0].name, "a"));
	assert_true(slice_eq_cstr(f->request.params[0].value, "x&y"));
	assert_string_equal(option(f, "param_a"), "x&y");
	assert_string_equal(option(f, "default_format"), "JSON");
	assert_string_equal(option(f, "output_format_json_quote_64bit_integers"), "0");
	assert_null(option(f, "database"));
	assert_null(option(f, "query"));
}

static void other_databases_do_not_exist(void **state)
{
	assert_int_equal(read_url(*state, "database=tele"), 0);
	assert_refused(*state, "database=system", EXCEPTION_UNKNOWN_DATABASE);
	assert_refused(*state, "database=%60", EXCEPTION_UNKNOWN_DATABASE);
}

static void bodies_that_cannot_be_read_are_refused(void **state)
{
	assert_refused(*state, "decompress=1", EXCEPTION_NOT_IMPLEMENTED);
	assert_refused(*state, "compress=1", EXCEPTION_NOT_IMPLEMENTED);
	assert_int_equal(read_url(*state, "decompress=0"), 0);
	assert_refused(*state, "param_a=%00", EXCEPTION_BAD_ARGUMENTS);
}

static void there_is_an_end_to_it(void **state)
{
	struct fixture *f = *state;
	struct buf url = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_appendf(&url, "param_%d=1&", i);
	assert_refused(f, buf_cstr(&url), EXCEPTION_BAD_ARGUMENTS);
	buf_clear(&url);
	for (int i = 0; i < 5000; i++)
		buf_append_cstr(&url, "max_threads=1&");
	assert_refused(f, buf_cstr(&url), EXCEPTION_BAD_ARGUMENTS);
	buf_release(&url);
}

/* Reads the clause of `sql`; what is left of it goes to `left`. */
static int read_clause(struct fixture *f, const char *sql, char left[200])
{
	assert_int_equal(query_request_read(&f->request, SLICE(""), NULL, "tele", &limits,
					    &f->arena, &f->err),
			 0);
	snprintf(left, 200, "%s", sql);
	int rc = query_request_take_clause(&f->request, left, strlen(left), &f->err);
	return rc ? rc : query_request_finish(&f->request, &f->err);
}

static void a_clause_counts_as_the_url_does(void **state)
{
	struct fixture *f = *state;
	char left[200];
	assert_int_equal(read_clause(f,
				     "SELECT 1 SETTINGS max_threads = 2, join_use_nulls=true,\n"
				     "max_result_rows = 5, date_time_output_format = 'iso' "
				     "FORMAT JSON;",
				     left),
			 0);
	assert_string_equal(option(f, "max_threads"), "2");
	assert_string_equal(option(f, "join_use_nulls"), "true");
	assert_string_equal(option(f, "date_time_output_format"), "iso");
	assert_string_equal(option(f, "max_result_rows"), "5");
	assert_null(strstr(left, "SETTINGS"));
	assert_null(strstr(left, "iso"));
	assert_memory_equal(left, "SELECT 1 ", 9);
	assert_string_equal(left + strlen(left) - 13, " FORMAT JSON;");

	assert_int_equal(read_clause(f, "SELECT 1 SETTINGS max_result_rows = 99999", left), 0);
	assert_string_equal(option(f, "max_result_rows"), "1000");
}

static void a_clause_cannot_do_more(void **state)
{
	static const char *const refused[] = {
		"SELECT 1 SETTINGS allow_ddl = 1",
		"SELECT 1 SETTINGS max_threads = 1, format_schema = 'x'",
		"SELECT 1 SETTINGS database = 'system'",
		"SELECT 1 SETTINGS query = 'SELECT 2'",
		"SELECT 1 SETTINGS param_x = '1'",
		NULL,
	};
	/* Left for sql_access_check, which refuses what is a clause. */
	static const char *const kept[] = {
		"SELECT 1 SETTINGS max_threads = 1 + 1",
		"SELECT 1 SETTINGS max_threads",
		"SELECT 1 SETTINGS max_threads = 1,",
		"SELECT 1 SETTINGS max_threads = 'a\\'b'",
		"SELECT * FROM (SELECT 1 SETTINGS max_threads = 2)",
		"SELECT 1 SETTINGS max_threads = 2 UNION ALL SELECT 2",
		"SELECT 'SETTINGS max_threads = 2'",
		NULL,
	};
	char left[200];
	for (int i = 0; refused[i]; i++) {
		struct fixture *f = *state;
		if (read_clause(f, refused[i], left) == 0)
			fail_msg("not refused: %s", refused[i]);
		assert_int_equal(exception_code_of(slice_of(f->err.message)), EXCEPTION_READONLY);
	}
	for (int i = 0; kept[i]; i++) {
		assert_int_equal(read_clause(*state, kept[i], left), 0);
		assert_string_equal(left, kept[i]);
		assert_null(option(*state, "max_threads"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits_hold_without_any_word),
		TEST(limits_can_be_lowered_only),
		TEST(what_is_not_known_is_refused),
		TEST(what_is_ours_does_not_reach_the_store),
		TEST(requests_are_taken_apart),
		TEST(other_databases_do_not_exist),
		TEST(bodies_that_cannot_be_read_are_refused),
		TEST(there_is_an_end_to_it),
		TEST(a_clause_counts_as_the_url_does),
		TEST(a_clause_cannot_do_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
