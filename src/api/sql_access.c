#include "api/sql_access.h"

#include <stdint.h>
#include <strings.h>

#include "store/exception.h"
#include "store/statement.h"

#define MAX_DEPTH 256
#define MAX_NAME 128

/* Of the system database: what clients ask for to know the server, its tables and its load. */
static const char *const system_tables[] = {
	"aggregate_function_combinators",
	"asynchronous_metrics",
	"build_options",
	"clusters",
	"collations",
	"columns",
	"completions",
	"contributors",
	"data_skipping_indices",
	"data_type_families",
	"databases",
	"dictionaries",
	"events",
	"formats",
	"functions",
	"keywords",
	"licenses",
	"macros",
	"merges",
	"metrics",
	"numbers",
	"numbers_mt",
	"one",
	"parts",
	"parts_columns",
	"projections",
	"settings",
	"table_engines",
	"table_functions",
	"tables",
	"time_zones",
	"zeros",
	"zeros_mt",
};

/* Table functions that name databases or tables by strings (store/statement.c has more). */
static const char *const functions_refused[] = {"merge",
						"mergetreeindex",
						"mergetreeprojection",
						"mergetreeanalyzeindexes",
						"loop",
						"dictionary",
						"input",
						"fuzzquery",
						"fuzzjson",
						"executable",
						"viewexplain",
						"viewifpermitted",
						"timeseries"};

/* Functions whose FROM is not that of a SELECT: EXTRACT(DAY FROM t.time). */
static const char *const functions_with_from[] = {"extract", "trim",      "ltrim",    "rtrim",
						  "substr",  "substring", "position", "overlay"};

/* What ends the tables of a FROM. */
static const char *const after_from[] = {
	"SELECT",  "WHERE", "PREWHERE", "GROUP",     "ORDER",    "HAVING", "LIMIT",  "WINDOW",
	"QUALIFY", "UNION", "EXCEPT",   "INTERSECT", "SETTINGS", "FORMAT", "SAMPLE", "OFFSET"};

static const char *const reading_words[] = {"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"};

/* SHOW PROCESSLIST and the like tell what others do. */
static const char *const show_words[] = {
	"TABLES",  "TABLE",        "DATABASES", "DATABASE", "CREATE",    "COLUMNS",   "FIELDS",
	"INDEX",   "INDEXES",      "INDICES",   "KEYS",     "FUNCTIONS", "ENGINES",   "SETTINGS",
	"SETTING", "DICTIONARIES", "FULL",      "EXTENDED", "CHANGED",   "TEMPORARY", "VIEW",
};

#define IN_LIST(text, list) in_list(text, list, sizeof(list) / sizeof((list)[0]))

static bool word_is(struct slice text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static bool in_list(struct slice text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (word_is(text, list[i]))
			return true;
	}
	return false;
}

/* --- the checker -------------------------------------------------------------------- */

/* A token with its quotes taken off. */
struct part {
	bool is_word; /* bare: may be a keyword */
	bool is_name; /* may name something: bare or quoted */
	char sign; /* of a SIGN, else 0 */
	struct slice text;
};

struct scope {
	bool in_from; /* a comma is followed by another table */
	bool is_call; /* of a function of functions_with_from */
};

/* Where in "{name:Identifier}" we are. */
enum placeholder { NO_PLACEHOLDER, AFTER_BRACE, AFTER_NAME, AFTER_COLON, AFTER_TYPE };

struct checker {
	const char *database;
	const struct sql_param *params;
	size_t param_count;
	struct error *err;

	unsigned depth;
	struct scope scopes[MAX_DEPTH];
	struct part before, before_that;
	bool expect_table; /* the next name is a table's, or a database's */
	bool table_position; /* `before` was, or began, one */
	struct slice first; /* of "first . second" when second is looked at */
	bool first_is_table;

	enum placeholder placeholder;
	struct slice placeholder_name;
	bool is_identifier;
	char names[4][MAX_NAME]; /* unquoted names that are still looked at, in turn */
	unsigned next_name;
};

static int denied(struct checker *c, const char *what, struct slice name)
{
	return exception_set(c->err, EXCEPTION_ACCESS_DENIED,
			     "Not enough privileges: %s " SLICE_FMT " is not for users' queries",
			     what, (int)(name.len < 100 ? name.len : 100), name.ptr);
}

static int check_table(struct checker *c, struct slice database, struct slice table, bool certain)
{
	if (slice_eq_cstr(database, "system")) {
		if (IN_LIST(table, system_tables))
			return 0;
		return exception_set(c->err, EXCEPTION_ACCESS_DENIED,
				     "Not enough privileges: system table " SLICE_FMT
				     " is not for users' queries",
				     (int)(table.len < 100 ? table.len : 100), table.ptr);
	}
	/* Elsewhere than behind FROM and JOIN, "a.b" is most likely a column of a table. */
	if (!certain || slice_eq_cstr(database, c->database) ||
	    word_is(database, "information_schema"))
		return 0;
	return denied(c, "database", database);
}

/* Keywords that say whether names are those of tables. */
static void take_keyword(struct checker *c, struct slice word)
{
	struct scope *scope = &c->scopes[c->depth];
	if (word_is(word, "FROM")) {
		bool compares =
			word_is(c->before.text, "DISTINCT") &&
			(word_is(c->before_that.text, "IS") || word_is(c->before_that.text, "NOT"));
		if (!compares && !scope->is_call)
			scope->in_from = c->expect_table = true;
	} else if (word_is(word, "JOIN")) {
		bool is_array = word_is(c->before.text, "ARRAY");
		scope->in_from = c->expect_table = !is_array;
	} else if (word_is(word, "TABLE") || word_is(word, "DESCRIBE") || word_is(word, "DESC") ||
		   word_is(word, "EXISTS")) {
		/* DESCRIBE TABLE a.b; "ORDER BY x DESC" and "EXISTS (" have no name behind. */
		c->expect_table = c->depth == 0;
	} else if (IN_LIST(word, after_from)) {
		scope->in_from = false;
	}
}

static int open_paren(struct checker *c)
{
	if (c->before.is_name && IN_LIST(c->before.text, functions_refused))
		return denied(c, "function", c->before.text);
	if (++c->depth == MAX_DEPTH)
		return exception_set(c->err, 167, "The statement is nested too deeply");
	c->scopes[c->depth] = (struct scope){
		.is_call = c->before.is_name && IN_LIST(c->before.text, functions_with_from)};
	return 0;
}

/*
 * The store checks the clause of the statement itself against readonly=1, but not those of
 * its subqueries. (The first is taken away before, see api/query_settings.h.)
 */
static int refuse_settings(struct checker *c)
{
	return exception_set(c->err, EXCEPTION_READONLY,
			     "Cannot modify '" SLICE_FMT
			     "' setting in readonly mode: SETTINGS may stand at the end of the "
			     "statement only, and have plain values",
			     (int)(c->before.text.len < 100 ? c->before.text.len : 100),
			     c->before.text.ptr);
}

static int take_sign(struct checker *c, char sign)
{
	if (sign == '=' && c->before.is_name && c->before_that.is_word &&
	    word_is(c->before_that.text, "SETTINGS"))
		return refuse_settings(c);
	if (sign == '(')
		return open_paren(c);
	if (sign == ')' && c->depth)
		c->depth--;
	else if (sign == ',' && c->scopes[c->depth].in_from)
		c->expect_table = true;
	else if (sign == '.' && c->before.is_name) {
		c->first = c->before.text;
		c->first_is_table = c->table_position;
	}
	return 0;
}

static int take_part(struct checker *c, const struct part *part)
{
	int rc = 0;
	bool expected = c->expect_table;
	c->expect_table = false;
	if (part->sign) {
		rc = take_sign(c, part->sign);
	} else if (part->is_name && c->before.sign == '.') {
		if (c->first.ptr)
			rc = check_table(c, c->first, part->text, c->first_is_table);
		c->first = (struct slice){0};
	} else if (part->is_word && !expected) {
		take_keyword(c, part->text);
	}
	/* "FROM a": keywords such as FINAL, LATERAL are no harm here. */
	c->table_position = expected && part->is_name;
	if (expected && part->is_word &&
	    (word_is(part->text, "TABLE") || word_is(part->text, "EXISTS")))
		c->expect_table = true;
	c->before_that = c->before;
	c->before = *part;
	return rc;
}

/* --- names -------------------------------------------------------------------------- */

/* The name in quotes. An escape by number could spell anything, and no name here needs one. */
static int unquote(struct checker *c, struct slice text, struct slice *out)
{
	char *to = c->names[c->next_name++ % 4];
	size_t quote = (unsigned char)*text.ptr >= 0x80 ? 3 : 1, n = 0;
	size_t end = text.len >= 2 * quote ? text.len - quote : text.len;
	for (size_t i = quote; i < end && n < MAX_NAME; i++) {
		char ch = text.ptr[i];
		if (quote == 1 && ch == '\\' && i + 1 < end) {
			ch = text.ptr[++i];
			if (ch == 'x' || ch == 'u' || ch == 'N')
				return exception_set(c->err, EXCEPTION_ACCESS_DENIED,
						     "Names with escapes by number are not "
						     "supported");
		} else if (quote == 1 && ch == *text.ptr && i + 1 < end) {
			i++;
		}
		to[n++] = ch;
	}
	*out = (struct slice){to, n};
	return 0;
}

/* The value of {name:Identifier}, which may have dots, stands for names. */
static int take_identifier(struct checker *c)
{
	struct slice value = {0};
	for (size_t i = 0; i < c->param_count; i++) {
		if (slice_eq(c->params[i].name, c->placeholder_name))
			value = c->params[i].value;
	}
	int rc = 0;
	while (value.len && rc == 0) {
		const char *dot = memchr(value.ptr, '.', value.len);
		struct part part = {.is_name = true, .text = value};
		if (dot)
			part.text.len = (size_t)(dot - value.ptr);
		rc = take_part(c, &part);
		if (!dot || rc)
			break;
		rc = take_part(c, &(struct part){.sign = '.', .text = {dot, 1}});
		value.len -= part.text.len + 1;
		value.ptr = dot + 1;
	}
	return rc;
}

/*
 * True when the token belongs to a placeholder and is done with. What is not one after all
 * (a map's literal), and the inside of a type, is looked at like anything else.
 */
static bool in_placeholder(struct checker *c, const struct statement_token *t, int *rc)
{
	char sign = t->kind == STATEMENT_SIGN ? *t->text.ptr : 0;
	enum placeholder was = c->placeholder;
	*rc = 0;
	c->placeholder = NO_PLACEHOLDER;
	if (was == NO_PLACEHOLDER && sign == '{') {
		c->placeholder = AFTER_BRACE;
	} else if (was == AFTER_BRACE && t->kind == STATEMENT_WORD) {
		c->placeholder = AFTER_NAME;
		c->placeholder_name = t->text;
	} else if (was == AFTER_NAME && sign == ':') {
		c->placeholder = AFTER_COLON;
	} else if (was == AFTER_COLON && t->kind == STATEMENT_WORD) {
		c->placeholder = AFTER_TYPE;
		c->is_identifier = word_is(t->text, "Identifier");
	} else if (was == AFTER_TYPE && sign == '}') {
		*rc = c->is_identifier ? take_identifier(c) : take_part(c, &(struct part){0});
	} else {
		if (was == AFTER_TYPE)
			c->placeholder = AFTER_TYPE;
		return false;
	}
	return true;
}

static int visit(void *ctx, const struct statement_token *t)
{
	struct checker *c = ctx;
	int rc;
	if (in_placeholder(c, t, &rc))
		return rc;
	struct part part = {.text = t->text};
	switch (t->kind) {
	case STATEMENT_WORD:
		part.is_word = part.is_name = true;
		break;
	case STATEMENT_NAME:
		part.is_name = true;
		rc = unquote(c, t->text, &part.text);
		break;
	case STATEMENT_SIGN:
		part.sign = *t->text.ptr;
		break;
	case STATEMENT_LITERAL:
		break;
	}
	return rc ? rc : take_part(c, &part);
}

/* --- statements --------------------------------------------------------------------- */

struct first_words {
	struct slice words[2];
	size_t count;
};

static int take_first(void *ctx, const struct statement_token *t)
{
	struct first_words *f = ctx;
	f->words[f->count++] = t->kind == STATEMENT_WORD ? t->text : SLICE("");
	return f->count == 2;
}

static int check_kind(const struct statement *statement, struct error *err)
{
	struct first_words first = {.count = 0};
	if (statement->kind == STATEMENT_SELECT)
		return 0;
	statement_each_token(statement->text, take_first, &first);
	if (statement->kind == STATEMENT_OTHER && IN_LIST(first.words[0], reading_words) &&
	    (!word_is(first.words[0], "SHOW") || IN_LIST(first.words[1], show_words)))
		return 0;
	struct slice word = first.words[0];
	if (word_is(word, "SHOW"))
		return exception_set(err, EXCEPTION_ACCESS_DENIED,
				     "Not enough privileges: this SHOW is not for users' queries");
	return exception_set(err, EXCEPTION_READONLY,
			     "Cannot execute query in readonly mode: " SLICE_FMT
			     " is not for users; SELECT, SHOW, DESCRIBE, EXISTS and EXPLAIN are",
			     (int)(word.len < 40 ? word.len : 40), word.ptr);
}

int sql_access_check(struct slice sql, const char *database, const struct sql_param *params,
		     size_t param_count, bool *empty, struct error *err)
{
	struct statement statement;
	struct error why;
	int rc = statement_parse(&statement, sql, true, &why);
	if (rc)
		return exception_set(
			err, rc == STATUS_DENIED ? EXCEPTION_ACCESS_DENIED : EXCEPTION_SYNTAX_ERROR,
			"%s", why.message);
	*empty = statement.kind == STATEMENT_EMPTY;
	if (*empty)
		return 0;
	rc = check_kind(&statement, err);
	if (rc)
		return rc;
	struct checker checker = {
		.database = database, .params = params, .param_count = param_count, .err = err};
	return statement_each_token(statement.text, visit, &checker);
}
