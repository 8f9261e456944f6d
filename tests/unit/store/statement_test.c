#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/statement.h"

#define E STATEMENT_EMPTY
#define S STATEMENT_SELECT
#define I STATEMENT_INSERT
#define O STATEMENT_OTHER

static const struct {
	const char *sql;
	enum statement_kind kind;
	const char *format, *text, *data; /* NULL: not looked at */
} good[] = {
	{"", E, "", NULL, NULL},
	{" -- nothing\n /* at all */ ;;", E, "", NULL, NULL},
	{"SELECT 1", S, "", "SELECT 1", NULL},
	{"  select 1 ;  ", S, "", "select 1 ", NULL},
	{"SELECT 1 FORMAT JSON", S, "JSON", NULL, NULL},
	{"SELECT 1 FORMAT JSON SETTINGS max_threads=1", S, "JSON", NULL, NULL},
	{"SELECT 1 SETTINGS max_threads=1 FORMAT `CSV`;", S, "`CSV`", NULL, NULL},
	{"SELECT format FROM t", S, "", NULL, NULL},
	{"SELECT a AS format FROM (SELECT 1 FORMAT CSV)", S, "", NULL, NULL},
	{"SELECT 'x; DROP TABLE y'", S, "", NULL, NULL},
	{"SELECT 'it''s \\'; ok'", S, "", NULL, NULL},
	{"SELECT $a$ ; ' $a$", S, "", NULL, NULL},
	{"SELECT $$;$$", S, "", NULL, NULL},
	{"SELECT `a;b`, \"c;\\\"d\"", S, "", NULL, NULL},
	{"SELECT \xE2\x80\x98;\xE2\x80\x99", S, "", NULL, NULL},
	{"SELECT 1 # ; comment\n", S, "", NULL, NULL},
	{"SELECT 1 // ; comment", S, "", NULL, NULL},
	{"/* x */ (SELECT 1)", S, "", NULL, NULL},
	{"FROM t SELECT 1", S, "", NULL, NULL},
	{"WITH 1 AS x SELECT x", S, "", NULL, NULL},
	{"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", O, "", NULL, NULL},
	{"SHOW TABLES FORMAT JSON", O, "JSON", NULL, NULL},
	{"EXPLAIN SELECT 1", O, "", NULL, NULL},
	{"CREATE TABLE t (a String DEFAULT ';') ENGINE = MergeTree ORDER BY a", O, "", NULL, NULL},
	{"INSERT INTO t VALUES (1); (2)", I, "Values", "INSERT INTO t ", "(1); (2)"},
	{"INSERT INTO t (a, b) FORMAT Native", I, "Native", "INSERT INTO t (a, b) ", ""},
	{"INSERT INTO t FORMAT CSV\n1;'\n", I, "CSV", "INSERT INTO t ", "1;'\n"},
	{"INSERT INTO t FORMAT CSV \r\n1\n", I, "CSV", "INSERT INTO t ", "1\n"},
	{"INSERT INTO t FORMAT TSV\n\n1\n", I, "TSV", "INSERT INTO t ", "\n1\n"},
	{"INSERT INTO values VALUES (1)", I, "Values", "INSERT INTO values ", "(1)"},
	{"INSERT INTO d.format FORMAT CSV", I, "CSV", "INSERT INTO d.format ", ""},
	{"INSERT INTO t (format, values) VALUES (1, 2)", I, "Values", NULL, "(1, 2)"},
	{"INSERT INTO t SETTINGS a = 1 VALUES (1)", I, "Values", "INSERT INTO t SETTINGS a = 1 ",
	 "(1)"},
	{"INSERT INTO t", I, "", "INSERT INTO t", NULL},
	{"INSERT INTO t SELECT 1", O, "", "INSERT INTO t SELECT 1", NULL},
	{"INSERT INTO t WITH 1 AS x SELECT x;", O, "", NULL, NULL},
	{"SELECT URLHash('x', 1), profile(1)", S, "", NULL, NULL},
	{"SELECT file FROM t WHERE url = 'x'", S, "", NULL, NULL},
	{"SYSTEM FLUSH LOGS", O, "", NULL, NULL},
};

static void tells_kinds(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct statement s;
		struct error err = {0};
		int rc = statement_parse(&s, slice_of(good[i].sql), true, &err);
		if (rc || s.kind != good[i].kind || !slice_eq_cstr(s.format, good[i].format) ||
		    (good[i].text && !slice_eq_cstr(s.text, good[i].text)) ||
		    (good[i].data && !slice_eq_cstr(s.data, good[i].data)))
			fail_msg("%s: rc %d (%s), kind %d, format '%.*s', text '%.*s', data '%.*s'",
				 good[i].sql, rc, err.message, s.kind, SLICE_ARG(s.format),
				 SLICE_ARG(s.text), SLICE_ARG(s.data));
	}
}

static const struct {
	const char *sql;
	enum status status;
	bool also_unrestricted;
} bad[] = {
	{"SELECT 1; SELECT 2", STATUS_INVALID, true},
	{"SELECT 1; /* x */ DROP TABLE t", STATUS_INVALID, true},
	{"SELECT 'a' ; --\n x", STATUS_INVALID, true},
	{"INSERT INTO t SELECT 1; DROP TABLE t", STATUS_INVALID, true},
	{"INSERT INTO t; DROP TABLE t", STATUS_INVALID, true},
	{"INSERT INTO t FORMAT CSV; 1", STATUS_INVALID, true},
	{"INSERT INTO t FORMAT", STATUS_INVALID, true},
	{"SYSTEM SHUTDOWN", STATUS_DENIED, true},
	{"system /* */ kill", STATUS_DENIED, true},
	{"DROP TABLE t PARALLEL WITH SYSTEM SHUTDOWN", STATUS_DENIED, true},
	{"SELECT 1 INTO OUTFILE 'x'", STATUS_DENIED, true},
	{"SELECT 1 into\n-- x\noutfile 'x'", STATUS_DENIED, true},
	{"INSERT INTO t FROM INFILE 'x' FORMAT CSV", STATUS_DENIED, true},
	{"SELECT * FROM file('x')", STATUS_DENIED, false},
	{"SELECT * FROM `url` ('x')", STATUS_DENIED, false},
	{"SELECT * FROM \"s\\x33\"('x')", STATUS_DENIED, false},
	{"SELECT (SELECT 1 FROM s3Cluster(x))", STATUS_DENIED, false},
	{"INSERT INTO FUNCTION file('x') VALUES (1)", STATUS_DENIED, false},
	{"CREATE TABLE t (a Int8) ENGINE = File(CSV)", STATUS_DENIED, false},
	{"SELECT * FROM remoteSecure('h', t)", STATUS_DENIED, false},
	{"SELECT * FROM icebergS3(x)", STATUS_DENIED, false},
	{"DESCRIBE TABLE executable('x', CSV)", STATUS_DENIED, false},
};

static void refuses(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct statement s;
		struct error err = {0};
		int rc = statement_parse(&s, slice_of(bad[i].sql), true, &err);
		if (rc != (int)bad[i].status || !err.message[0])
			fail_msg("%s: %d (%s)", bad[i].sql, rc, err.message);
		rc = statement_parse(&s, slice_of(bad[i].sql), false, &err);
		if (rc != (bad[i].also_unrestricted ? (int)bad[i].status : 0))
			fail_msg("%s, unrestricted: %d", bad[i].sql, rc);
	}
}

static void knows_inserts_early(void **state)
{
	assert_true(statement_is_insert(SLICE("insert")));
	assert_true(statement_is_insert(SLICE("/* x */ -- y\n INSERT INTO t")));
	assert_false(statement_is_insert(SLICE("INSERTX")));
	assert_false(statement_is_insert(SLICE("SELECT 'INSERT'")));
	assert_false(statement_is_insert(SLICE("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_kinds),
		cmocka_unit_test(refuses),
		cmocka_unit_test(knows_inserts_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
