#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/sql_access.h"
#include "store/exception.h"

static const struct sql_param params[] = {
	{{"d", 1}, {"system", 6}},           {{"t", 1}, {"users", 5}},
	{{"both", 4}, {"system.users", 12}}, {{"logs", 4}, {"otel_logs", 9}},
	{{"tele", 4}, {"tele", 4}},          {{"text", 4}, {"system.users", 12}},
};

/* The exception's code; 0: it may run. */
static int code_of(const char *sql)
{
	struct error err = {0};
	bool empty;
	int rc = sql_access_check(slice_of(sql), "tele", params, sizeof(params) / sizeof(params[0]),
				  &empty, &err);
	if (rc == 0)
		return 0;
	int code = exception_code_of(slice_of(err.message));
	assert_true(code > 0);
	assert_non_null(strstr(err.message, exception_name(code)));
	return code;
}

static void check_all(const char *const *list, int code)
{
	for (; *list; list++) {
		if (code_of(*list) != code)
			fail_msg("%d instead of %d: %s", code_of(*list), code, *list);
	}
}

static void reading_is_allowed(void **state)
{
	static const char *const list[] = {
		"SELECT 1",
		"(SELECT 1) UNION ALL (SELECT 2)",
		"WITH x AS (SELECT 1 AS a) SELECT x.a FROM x",
		"FROM tele.otel_logs SELECT Body",
		"SELECT Body FROM otel_logs AS l JOIN tele.otel_traces AS t ON l.TraceId = "
		"t.TraceId",
		"SELECT l.Body, t.Duration FROM otel_logs l, tele.otel_traces t WHERE l.TraceId = "
		"t.TraceId",
		"SELECT e.Name FROM otel_traces ARRAY JOIN Events.Name AS n, Events.Attributes AS "
		"e",
		"SELECT EXTRACT(DAY FROM t.Timestamp), trim(BOTH ' ' FROM t.x) FROM otel_logs t",
		"SELECT a IS DISTINCT FROM t.b, c IS NOT DISTINCT FROM t.d FROM otel_logs t",
		"SELECT 1 FROM otel_logs t ORDER BY x DESC, t.Body LIMIT 5",
		"SELECT 'FROM other.table', \"a.b\" FROM numbers(10)",
		"SELECT * FROM system.tables -- FROM other.secret",
		"SELECT name FROM `system`.\"columns\" WHERE database = 'system'",
		"SELECT * FROM INFORMATION_SCHEMA.TABLES",
		"SELECT system FROM otel_logs",
		"SELECT settings FROM otel_logs WHERE settings = 1",
		"SELECT {text:String} AS x, {m:Map(String, Array(String))} FROM "
		"{tele:Identifier}.{logs:Identifier}",
		"SELECT {'a': 1}",
		"SHOW TABLES FROM tele",
		"SHOW CREATE TABLE otel_logs",
		"DESCRIBE TABLE tele.otel_logs",
		"DESC otel_logs",
		"EXISTS TABLE tele.otel_logs",
		"EXPLAIN SELECT 1",
		"EXPLAIN PLAN actions = 1 SELECT * FROM otel_logs",
		"SELECT 1;",
		NULL,
	};
	check_all(list, 0);
}

static void changing_is_readonly(void **state)
{
	static const char *const list[] = {
		"INSERT INTO otel_logs (Body) VALUES (1)",
		"INSERT INTO otel_logs SELECT * FROM otel_logs",
		"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
		"DROP TABLE otel_logs",
		"/* SELECT */ ALTER TABLE otel_logs DELETE WHERE 1",
		"CREATE TABLE x (a Int8) ENGINE = Memory",
		"SET readonly = 0",
		"USE system",
		"KILL QUERY WHERE 1",
		"OPTIMIZE TABLE otel_logs",
		"GRANT SELECT ON *.* TO x",
		"SYSTEM FLUSH LOGS",
		"SELECT * FROM (SELECT 1 SETTINGS max_result_rows = 0)",
		"SELECT * FROM (SELECT 1 settings/**/`max_threads`=0)",
		"SELECT 1 SETTINGS max_threads = 2 UNION ALL SELECT 2",
		"SELECT x IN (SELECT 1 SETTINGS {tele:Identifier} = 1)",
		NULL,
	};
	check_all(list, EXCEPTION_READONLY);
}

static void other_data_is_denied(void **state)
{
	static const char *const list[] = {
		"SELECT * FROM system.query_log",
		"SELECT * FROM system . query_log",
		"SELECT * FROM system/* */./* */processes",
		"SELECT * FROM `system`.`users`",
		"SELECT * FROM \"system\".users",
		"SELECT * FROM \xE2\x80\x9Csystem\xE2\x80\x9D.users",
		"SELECT * FROM `sys\\x74em`.users",
		"SELECT * FROM other.otel_logs",
		"SELECT * FROM otel_logs, other.secret",
		"SELECT * FROM otel_logs AS a LEFT JOIN other.secret ON 1 = 1",
		"SELECT * FROM otel_logs WHERE x IN (SELECT y FROM other.secret)",
		"SELECT x IN system.query_log FROM otel_logs",
		"WITH (SELECT 1 FROM other.secret) AS s SELECT s",
		"FROM other.secret SELECT *",
		"SELECT * FROM {d:Identifier}.{t:Identifier}",
		"SELECT * FROM {both:Identifier}",
		"SELECT * FROM system.{t:Identifier}",
		"SELECT * FROM {d : Identifier}.users",
		"SELECT {'a': (SELECT 1 FROM system.users)}",
		"DESCRIBE TABLE system.users",
		"DESC other.secret",
		"EXPLAIN SELECT * FROM system.query_log",
		"EXISTS TABLE other.secret",
		"SHOW PROCESSLIST",
		"SHOW GRANTS",
		"SHOW USERS",
		"SELECT * FROM merge('system', '.*')",
		"SELECT * FROM mergeTreeIndex('system', 'query_log')",
		"SELECT * FROM file('/etc/passwd')",
		"SELECT * FROM url('http://127.0.0.1/', CSV)",
		"SELECT * FROM `remote`('127.0.0.1', system.one)",
		"SELECT 1 INTO OUTFILE 'x'",
		NULL,
	};
	check_all(list, EXCEPTION_ACCESS_DENIED);
}

static void malformed_is_a_syntax_error(void **state)
{
	assert_int_equal(code_of("SELECT 1; SELECT 2"), EXCEPTION_SYNTAX_ERROR);
}

static void nothing_is_told_apart(void **state)
{
	struct error err;
	bool empty = false;
	assert_int_equal(sql_access_check(SLICE(" ; -- x"), "tele", NULL, 0, &empty, &err), 0);
	assert_true(empty);
	assert_int_equal(sql_access_check(SLICE("SELECT 1"), "tele", NULL, 0, &empty, &err), 0);
	assert_false(empty);
}

static void deep_nesting_is_refused(void **state)
{
	char sql[2001];
	memset(sql, '(', 2000);
	sql[2000] = '\0';
	memcpy(sql, "SELECT ", 7);
	assert_int_equal(code_of(sql), 167);
}

/* Any cut of a statement is read within its bounds, whatever it says. */
static void every_prefix_is_safe(void **state)
{
	static const char text[] =
		"WITH x AS (SELECT {d:Identifier} FROM `a\\`b`.\"c\" ARRAY JOIN e.f) SELECT "
		"$a$ heredoc $a$, {'k': \xE2\x80\x9Cq\xE2\x80\x9D} FROM system.tables, x DESC";
	for (size_t len = 0; len < sizeof(text); len++) {
		struct error err;
		bool empty;
		char *copy = malloc(len + 1);
		memcpy(copy, text, len);
		int rc = sql_access_check((struct slice){copy, len}, "tele", params, 2, &empty,
					  &err);
		assert_true(rc == 0 || exception_code_of(slice_of(err.message)) > 0);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_is_allowed),
		cmocka_unit_test(changing_is_readonly),
		cmocka_unit_test(other_data_is_denied),
		cmocka_unit_test(malformed_is_a_syntax_error),
		cmocka_unit_test(nothing_is_told_apart),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(every_prefix_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
