#include "store/statement.h"

#include <ctype.h>
#include <stdint.h>
#include <strings.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD, /* bare */
	TOKEN_QUOTED, /* an identifier in backticks or double quotes; text includes them */
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_OPEN, /* ( */
	TOKEN_CLOSE, /* ) */
	TOKEN_SEMICOLON,
	TOKEN_OTHER,
};

struct token {
	enum token_kind kind;
	struct slice text;
};

struct lexer {
	const char *at, *end;
};

/* --- tokens ----------------------------------------------------------------------- */

static bool starts(const struct lexer *lx, const char *s, size_t len)
{
	return (size_t)(lx->end - lx->at) >= len && memcmp(lx->at, s, len) == 0;
}

static void skip_line(struct lexer *lx)
{
	const char *nl = memchr(lx->at, '\n', (size_t)(lx->end - lx->at));
	lx->at = nl ? nl + 1 : lx->end;
}

static const char *find_after(const char *from, const char *end, const char *what, size_t len)
{
	const char *found = memmem(from, (size_t)(end - from), what, len);
	return found ? found + len : end;
}

/* One run of white space or one comment; false when there is none. */
static bool skip_blank(struct lexer *lx)
{
	/* Spaces beyond ASCII that the engine's lexer accepts: U+00A0, U+2000…U+200D, U+202F, … */
	static const char *const wide[] = {"\xC2\xA0",     "\xE1\x9A\x80", "\xE1\xA0\x8E",
					   "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE2\x81\xA0",
					   "\xE3\x80\x80", "\xEF\xBB\xBF"};
	const char *from = lx->at;
	while (lx->at < lx->end && (isspace((unsigned char)*lx->at) || *lx->at == '\0'))
		lx->at++;
	if (starts(lx, "--", 2) || starts(lx, "//", 2) || starts(lx, "#!", 2) ||
	    starts(lx, "# ", 2))
		skip_line(lx);
	else if (starts(lx, "/*", 2))
		lx->at = find_after(lx->at + 2, lx->end, "*/", 2);
	else if (starts(lx, "\xE2\x80", 2) && lx->end - lx->at > 2 &&
		 (unsigned char)lx->at[2] >= 0x80 && (unsigned char)lx->at[2] <= 0x8D)
		lx->at += 3;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		size_t len = strlen(wide[i]);
		if (starts(lx, wide[i], len))
			lx->at += len;
	}
	return lx->at != from;
}

/* From an opening quote to behind its closing one: backslash escapes, doubled quotes. */
static void skip_quoted(struct lexer *lx, char quote)
{
	for (lx->at++; lx->at < lx->end; lx->at++) {
		if (*lx->at == '\\') {
			if (++lx->at == lx->end)
				return;
		} else if (*lx->at == quote) {
			if (lx->at + 1 == lx->end || lx->at[1] != quote) {
				lx->at++;
				return;
			}
			lx->at++;
		}
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* $tag$ … $tag$; false when the dollar sign begins no heredoc. */
static bool skip_heredoc(struct lexer *lx)
{
	const char *tag_end = lx->at + 1;
	while (tag_end < lx->end && is_word(*tag_end))
		tag_end++;
	if (tag_end == lx->end || *tag_end != '$')
		return false;
	size_t len = (size_t)(tag_end + 1 - lx->at);
	const char *close = memmem(tag_end + 1, (size_t)(lx->end - tag_end - 1), lx->at, len);
	if (!close)
		return false;
	lx->at = close + len;
	return true;
}

static enum token_kind scan(struct lexer *lx)
{
	char c = *lx->at;
	switch (c) {
	case '\'':
		skip_quoted(lx, c);
		return TOKEN_STRING;
	case '"':
	case '`':
		skip_quoted(lx, c);
		return TOKEN_QUOTED;
	case '(':
		lx->at++;
		return TOKEN_OPEN;
	case ')':
		lx->at++;
		return TOKEN_CLOSE;
	case ';':
		lx->at++;
		return TOKEN_SEMICOLON;
	case '$':
		if (skip_heredoc(lx))
			return TOKEN_STRING;
		lx->at++;
		return TOKEN_OTHER;
	default:
		break;
	}
	if (starts(lx, "\xE2\x80\x98", 3)) {
		lx->at = find_after(lx->at + 3, lx->end, "\xE2\x80\x99", 3);
		return TOKEN_STRING;
	}
	if (starts(lx, "\xE2\x80\x9C", 3)) {
		lx->at = find_after(lx->at + 3, lx->end, "\xE2\x80\x9D", 3);
		return TOKEN_QUOTED;
	}
	if (is_word(c)) {
		while (lx->at < lx->end && (is_word(*lx->at) || *lx->at == '$'))
			lx->at++;
		return isdigit((unsigned char)c) ? TOKEN_NUMBER : TOKEN_WORD;
	}
	lx->at++;
	return TOKEN_OTHER;
}

static struct token next(struct lexer *lx)
{
	while (skip_blank(lx))
		;
	struct token t = {TOKEN_END, {lx->at, 0}};
	if (lx->at < lx->end) {
		const char *from = lx->at;
		t.kind = scan(lx);
		t.text.len = (size_t)(lx->at - from);
	}
	return t;
}

static bool word_is(struct token t, const char *word)
{
	return t.kind == TOKEN_WORD && t.text.len == strlen(word) &&
	       strncasecmp(t.text.ptr, word, t.text.len) == 0;
}

/* --- what may not be run ---------------------------------------------------------- */

/*
 * Table functions, scalar functions and engines that read or write outside the tables.
 * Compared without regard to case; a trailing '*' matches what follows.
 */
static const char *const outside[] = {
	"file",
	"filecluster",
	"filelog",
	"url",
	"urlcluster",
	"s3*",
	"gcs*",
	"oss",
	"cosn",
	"hdfs*",
	"azure*",
	"iceberg*",
	"deltalake*",
	"hudi*",
	"paimon*",
	"remote*",
	"cluster",
	"distributed",
	"clusterallreplicas",
	"externaldistributed",
	"mysql",
	"postgresql",
	"materialized*",
	"mongo*",
	"redis",
	"sqlite",
	"jdbc",
	"odbc",
	"executable*",
	"hive",
	"kafka",
	"rabbitmq",
	"nats",
	"embeddedrocksdb",
	"ytsaurus",
	"arrowflight",
	"arrowstream",
	"python",
	"prometheusquery*",
	"backup",
};

static bool matches(struct slice name, const char *pattern)
{
	size_t len = strlen(pattern);
	if (pattern[len - 1] == '*')
		return name.len >= len - 1 && strncasecmp(name.ptr, pattern, len - 1) == 0;
	return name.len == len && strncasecmp(name.ptr, pattern, len) == 0;
}

static bool reaches_outside(struct token t)
{
	struct slice name = t.text;
	if (t.kind == TOKEN_QUOTED && name.len >= 2) {
		name.ptr++;
		name.len -= 2;
		/* An escape could spell any name: no function's name needs one. */
		if (memchr(name.ptr, '\\', name.len))
			return true;
	} else if (t.kind != TOKEN_WORD) {
		return false;
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		if (matches(name, outside[i]))
			return true;
	}
	return false;
}

static int refuse_pair(struct token before, struct token t, bool restricted, struct error *err)
{
	if (word_is(before, "SYSTEM") && (word_is(t, "SHUTDOWN") || word_is(t, "KILL")))
		return error_set(err, STATUS_DENIED, "SYSTEM " SLICE_FMT " is not allowed here",
				 SLICE_ARG(t.text));
	if ((word_is(before, "INTO") && word_is(t, "OUTFILE")) ||
	    (word_is(before, "FROM") && word_is(t, "INFILE")))
		return error_set(err, STATUS_DENIED,
				 SLICE_FMT " " SLICE_FMT
					   " is not allowed here: files belong to the client",
				 SLICE_ARG(before.text), SLICE_ARG(t.text));
	if (restricted && t.kind == TOKEN_OPEN && reaches_outside(before))
		return error_set(err, STATUS_DENIED,
				 "function or engine " SLICE_FMT
				 " reaches outside the database and is not allowed here",
				 SLICE_ARG(before.text));
	return 0;
}

/* --- statements ------------------------------------------------------------------- */

struct parser {
	struct lexer lx;
	bool restricted;
	int depth; /* of parentheses */
	struct token before, t;
	struct error *err;
};

/* Moves to the next token, checking it. */
static int advance(struct parser *p)
{
	p->before = p->t;
	p->t = next(&p->lx);
	if (p->t.kind == TOKEN_OPEN)
		p->depth++;
	else if (p->t.kind == TOKEN_CLOSE)
		p->depth--;
	return refuse_pair(p->before, p->t, p->restricted, p->err);
}

static int too_many(struct parser *p)
{
	return error_set(p->err, STATUS_INVALID,
			 "Syntax error (Multi-statements are not allowed): only one statement a "
			 "request");
}

/* Behind a semicolon only blanks, comments and further semicolons may come. */
static int expect_end(struct parser *p)
{
	while (p->t.kind == TOKEN_SEMICOLON) {
		int rc = advance(p);
		if (rc)
			return rc;
	}
	return p->t.kind == TOKEN_END ? 0 : too_many(p);
}

/* An INSERT's data: blanks on the line of the format's name and one line end are skipped. */
static int insert_data(struct statement *out, struct parser *p, struct slice sql,
		       const char *text_end)
{
	const char *at = p->t.text.ptr + p->t.text.len, *end = sql.ptr + sql.len;
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\f'))
		at++;
	if (at < end && *at == ';')
		return error_set(p->err, STATUS_INVALID,
				 "You have excessive ';' symbol before data for INSERT");
	if (at < end && *at == '\r')
		at++;
	if (at < end && *at == '\n')
		at++;
	out->text = (struct slice){sql.ptr, (size_t)(text_end - sql.ptr)};
	out->data = (struct slice){at, (size_t)(end - at)};
	return 0;
}

static bool is_name(struct token t)
{
	return t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED;
}

/*
 * Behind INSERT: up to FORMAT or VALUES (data follows), SELECT, WITH or FROM at depth 0
 * (then it is one that runs at once), or the end (the data is elsewhere).
 */
static int parse_insert(struct statement *out, struct parser *p, struct slice sql)
{
	out->kind = STATEMENT_INSERT;
	for (;;) {
		int rc = advance(p);
		if (rc)
			return rc;
		if (p->t.kind == TOKEN_END || p->t.kind == TOKEN_SEMICOLON)
			break;
		if (p->depth || p->before.text.ptr == NULL)
			continue;
		/* "INSERT INTO values" and "a.format" name a table, not a clause. */
		bool named = word_is(p->before, "INTO") || word_is(p->before, "TABLE") ||
			     word_is(p->before, "FUNCTION") ||
			     (p->before.kind == TOKEN_OTHER && *p->before.text.ptr == '.');
		if (named)
			continue;
		const char *clause = p->t.text.ptr;
		if (word_is(p->t, "VALUES")) {
			out->format = SLICE("Values");
			return insert_data(out, p, sql, clause);
		}
		if (word_is(p->t, "FORMAT")) {
			rc = advance(p);
			if (rc)
				return rc;
			if (!is_name(p->t))
				return error_set(p->err, STATUS_INVALID,
						 "Syntax error: no name behind FORMAT");
			out->format = p->t.text;
			return insert_data(out, p, sql, clause);
		}
		if (word_is(p->t, "SELECT") || word_is(p->t, "WITH") || word_is(p->t, "FROM") ||
		    word_is(p->t, "WATCH")) {
			out->kind = STATEMENT_OTHER;
			break;
		}
	}
	out->text = (struct slice){sql.ptr, (size_t)(p->t.text.ptr - sql.ptr)};
	return 0;
}

/* To the statement's end, noting the name behind a FORMAT at depth 0 that ends it. */
static int parse_rest(struct statement *out, struct parser *p, struct slice sql)
{
	struct slice format = {0};
	bool candidate = false;
	int rc;
	while (p->t.kind != TOKEN_END && p->t.kind != TOKEN_SEMICOLON) {
		bool after_format = p->depth == 0 && word_is(p->before, "FORMAT") && is_name(p->t);
		if (candidate && (word_is(p->t, "SETTINGS") || word_is(p->t, "INTO")))
			out->format = format;
		candidate = after_format;
		if (after_format)
			format = p->t.text;
		rc = advance(p);
		if (rc)
			return rc;
	}
	if (candidate)
		out->format = format;
	out->text = (struct slice){sql.ptr, (size_t)(p->t.text.ptr - sql.ptr)};
	return expect_end(p);
}

/* Behind WITH: true when the statement it introduces is an INSERT. */
static bool with_leads_to_insert(struct lexer lx)
{
	int depth = 0;
	struct token before = {TOKEN_END, {0}};
	for (struct token t; (t = next(&lx)).kind != TOKEN_END; before = t) {
		if (t.kind == TOKEN_OPEN)
			depth++;
		else if (t.kind == TOKEN_CLOSE)
			depth--;
		else if (depth == 0 && word_is(t, "SELECT"))
			return false;
		else if (depth == 0 && word_is(before, "INSERT") && word_is(t, "INTO"))
			return true;
	}
	return false;
}

int statement_parse(struct statement *out, struct slice sql, bool restricted, struct error *err)
{
	struct statement result = {.kind = STATEMENT_OTHER};
	struct parser p = {
		.lx = {sql.ptr, sql.ptr + sql.len}, .restricted = restricted, .err = err};
	int rc = advance(&p);
	if (rc)
		return rc;
	while (p.t.kind == TOKEN_SEMICOLON) {
		rc = advance(&p);
		if (rc)
			return rc;
	}
	if (p.t.kind == TOKEN_END) {
		result.kind = STATEMENT_EMPTY;
		*out = result;
		return 0;
	}
	/* Leading semicolons and comments stay out of what the engine gets. */
	sql.len -= (size_t)(p.t.text.ptr - sql.ptr);
	sql.ptr = p.t.text.ptr;

	if (restricted && word_is(p.t, "COPY"))
		return error_set(err, STATUS_DENIED,
				 "COPY reads and writes files and is not "
				 "allowed here");
	if (word_is(p.t, "INSERT")) {
		rc = parse_insert(&result, &p, sql);
		if (rc == 0 && result.format.len == 0)
			rc = result.kind == STATEMENT_OTHER ? parse_rest(&result, &p, sql)
							    : expect_end(&p);
	} else {
		if (p.t.kind == TOKEN_OPEN || word_is(p.t, "SELECT") || word_is(p.t, "FROM") ||
		    (word_is(p.t, "WITH") && !with_leads_to_insert(p.lx)))
			result.kind = STATEMENT_SELECT;
		rc = parse_rest(&result, &p, sql);
	}
	if (rc == 0)
		*out = result;
	return rc;
}

bool statement_is_insert(struct slice sql)
{
	struct lexer lx = {sql.ptr, sql.ptr + sql.len};
	struct token t;
	do
		t = next(&lx);
	while (t.kind == TOKEN_SEMICOLON);
	return word_is(t, "INSERT");
}

int statement_each_token(struct slice sql,
			 int (*visit)(void *ctx, const struct statement_token *token), void *ctx)
{
	struct lexer lx = {sql.ptr, sql.ptr + sql.len};
	for (struct token t; (t = next(&lx)).kind != TOKEN_END;) {
		struct statement_token token = {STATEMENT_SIGN, t.text};
		if (t.kind == TOKEN_WORD)
			token.kind = STATEMENT_WORD;
		else if (t.kind == TOKEN_QUOTED)
			token.kind = STATEMENT_NAME;
		else if (t.kind == TOKEN_STRING || t.kind == TOKEN_NUMBER)
			token.kind = STATEMENT_LITERAL;
		int rc = visit(ctx, &token);
		if (rc)
			return rc;
	}
	return 0;
}
