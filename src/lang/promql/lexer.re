#include "lang/promql/lexer.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "lang/promql/quote.h"

/*!re2c
	re2c:define:YYCTYPE = "unsigned char";
	re2c:define:YYCURSOR = "l->next";
	re2c:define:YYLIMIT = "l->end";
	re2c:yyfill:enable = 0;
	re2c:eof = 0;

	space = [ \t\r\n]+;
	comment = "#" [^\r\n]*;
	alpha = [a-zA-Z_];
	alnum = [a-zA-Z0-9_];
	number = [0-9] | "." [0-9];
*/

#define RUNE_EOF (-1)

void promql_lexer_init(struct promql_lexer *l, const char *text, uint32_t len)
{
	*l = (struct promql_lexer){.text = text, .end = text + len, .start = text, .next = text};
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_alnum(char c)
{
	return is_alpha(c) || is_digit(c);
}

static int32_t take_rune(struct promql_lexer *l)
{
	if (l->next >= l->end)
		return RUNE_EOF;
	size_t len;
	int32_t rune = promql_rune(l->next, l->end, &len);
	l->next += len;
	return rune;
}

static enum promql_token_kind fail(struct promql_lexer *l, const char *message)
{
	snprintf(l->message, sizeof(l->message), "%s", message);
	l->failed = true;
	return PQ_ERROR;
}

/* `format` has one %s, for the character as Go quotes it. */
__attribute__((format(printf, 2, 0))) static enum promql_token_kind
fail_rune(struct promql_lexer *l, const char *format, int32_t rune)
{
	struct buf quoted = BUF_INIT;
	promql_quote_rune(rune, &quoted);
	snprintf(l->message, sizeof(l->message), format, buf_cstr(&quoted));
	buf_release(&quoted);
	l->failed = true;
	return PQ_ERROR;
}

/* The text so far, quoted, behind `message`. */
static enum promql_token_kind fail_text(struct promql_lexer *l, const char *message)
{
	struct buf quoted = BUF_INIT;
	promql_quote((struct slice){l->start, (size_t)(l->next - l->start)}, &quoted);
	snprintf(l->message, sizeof(l->message), "%s: %s", message, buf_cstr(&quoted));
	buf_release(&quoted);
	l->failed = true;
	return PQ_ERROR;
}

/* --- numbers and durations ------------------------------------------------------------ */

static bool accept(struct promql_lexer *l, const char *set)
{
	if (l->next < l->end && *l->next && strchr(set, *l->next)) {
		l->next++;
		return true;
	}
	return false;
}

static bool is_next(const struct promql_lexer *l, const char *set)
{
	return l->next < l->end && *l->next && strchr(set, *l->next);
}

/*
 * Reads as far as it looks like a number; whether it is one, the parser finds out. Where it
 * stops on failure shows in the message, so this follows Prometheus' scanNumber step by step.
 */
static bool scan_number(struct promql_lexer *l)
{
	static const char decimal[] = "0123456789", hex[] = "0123456789abcdefABCDEF";
	const char *digits = decimal, *all = "0123456789._eE";
	const char *start = l->next;
	if (accept(l, "0") && accept(l, "xX")) {
		accept(l, "_");
		digits = hex;
		all = "0123456789abcdefABCDEF._";
	}
	accept(l, ".");
	accept(l, digits);
	bool dot = false, exponent = false;
	while (is_next(l, all)) {
		if (dot && accept(l, "."))
			return false;
		if (exponent && accept(l, "eE"))
			return false;
		if (accept(l, ".")) {
			dot = true;
			if (accept(l, "_.") || digits == hex)
				return false;
		} else if (accept(l, "eE")) {
			exponent = true;
			accept(l, "+-");
			if (accept(l, "._eE") || l->next == l->end)
				return false;
		} else if (accept(l, "_")) {
			if (accept(l, "._eE") || l->next == l->end)
				return false;
		} else {
			while (accept(l, digits))
				;
		}
	}
	return l->next != start && !(l->next < l->end && is_alnum(*l->next));
}

/* The rest of "1h30m" behind its first number. */
static bool scan_duration(struct promql_lexer *l)
{
	if (!accept(l, "smhdwy"))
		return false;
	accept(l, "s");
	while (accept(l, "0123456789")) {
		while (accept(l, "0123456789"))
			;
		if (!accept(l, "smhdw"))
			return false;
		accept(l, "s");
	}
	if (l->next < l->end && is_alnum(*l->next)) {
		l->next++;
		return false;
	}
	return true;
}

static enum promql_token_kind number_or_duration(struct promql_lexer *l)
{
	l->next = l->start;
	l->in_duration = false;
	if (scan_number(l))
		return PQ_NUMBER;
	if (scan_duration(l))
		return PQ_DURATION;
	return fail_text(l, "bad number or duration syntax");
}

/* --- strings -------------------------------------------------------------------------- */

static int digit_value(int32_t rune)
{
	if (rune >= '0' && rune <= '9')
		return rune - '0';
	if (rune >= 'a' && rune <= 'f')
		return rune - 'a' + 10;
	if (rune >= 'A' && rune <= 'F')
		return rune - 'A' + 10;
	return 16;
}

/* Behind a backslash. */
static bool scan_escape(struct promql_lexer *l, int32_t quote)
{
	int32_t rune = take_rune(l);
	unsigned count, base = 16;
	uint32_t max = 0x10ffff;
	if (rune == quote || (rune > 0 && rune < 0x80 && strchr("abfnrtv\\", (int)rune)))
		return true;
	if (rune >= '0' && rune <= '7') {
		count = 3;
		base = 8;
		max = 255;
	} else if (rune == 'x' || rune == 'u' || rune == 'U') {
		count = rune == 'x' ? 2 : rune == 'u' ? 4 : 8;
		if (rune == 'x')
			max = 255;
		rune = take_rune(l);
	} else {
		if (rune == RUNE_EOF)
			fail(l, "escape sequence not terminated");
		else
			fail_rune(l, "unknown escape sequence %s", rune | PROMQL_RUNE_CODE);
		return false;
	}
	uint32_t value = 0;
	for (;;) {
		unsigned digit = (unsigned)digit_value(rune);
		if (digit >= base) {
			if (rune == RUNE_EOF)
				fail(l, "escape sequence not terminated");
			else
				fail_rune(l, "illegal character %s in escape sequence",
					  rune | PROMQL_RUNE_CODE);
			return false;
		}
		value = value * base + digit;
		if (--count == 0)
			break;
		rune = take_rune(l);
	}
	if (value > max || (value >= 0xd800 && value < 0xe000)) {
		fail(l, "escape sequence is an invalid Unicode code point");
		return false;
	}
	return true;
}

static enum promql_token_kind string(struct promql_lexer *l)
{
	int32_t quote = *l->start;
	for (;;) {
		int32_t rune = take_rune(l);
		if (rune == quote)
			return PQ_STRING;
		if (rune == PROMQL_RUNE_INVALID)
			return fail(l, "invalid UTF-8 rune");
		if (rune == RUNE_EOF && quote == '`')
			return fail(l, "unterminated raw string");
		if (rune == RUNE_EOF || (rune == '\n' && quote != '`'))
			return fail(l, "unterminated quoted string");
		if (rune == '\\' && quote != '`' && !scan_escape(l, quote))
			return PQ_ERROR;
	}
}

/* --- brackets ------------------------------------------------------------------------- */

static bool duration_word(struct promql_lexer *l, enum promql_token_kind *kind)
{
	static const struct {
		const char *word;
		enum promql_token_kind kind;
	} words[] = {{"step", PQ_STEP},
		     {"range", PQ_RANGE},
		     {"max_of", PQ_MAX_OF},
		     {"min_of", PQ_MIN_OF}};
	char first = (char)(*l->start | 0x20);
	if (first != 's' && first != 'r' && first != 'm')
		return false;
	while (l->next < l->end && is_alpha(*l->next))
		l->next++;
	size_t len = (size_t)(l->next - l->start);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == len && !strncasecmp(words[i].word, l->start, len)) {
			*kind = words[i].kind;
			return true;
		}
	}
	return false;
}

/* A letter or a colon in brackets, behind the first number. */
static enum promql_token_kind bracket_word(struct promql_lexer *l)
{
	enum promql_token_kind kind;
	char first = *l->next++;
	if (first == ':') {
		if (l->got_colon)
			return fail(l, "unexpected colon ':'");
		l->got_colon = true;
		return PQ_COLON;
	}
	if (duration_word(l, &kind))
		return kind;
	return fail_rune(l, "unexpected character: %s, expected ':'", first);
}

/* Errors behind a token that was read stand behind it. */
static enum promql_token_kind right_paren(struct promql_lexer *l)
{
	if (l->paren_depth-- > 0)
		return PQ_RIGHT_PAREN;
	l->start = l->next;
	return fail(l, "unexpected right parenthesis ')'");
}

static enum promql_token_kind left_bracket(struct promql_lexer *l)
{
	if (l->bracket_open)
		return fail(l, "unexpected left bracket '['");
	l->got_colon = false;
	l->bracket_open = l->in_duration = true;
	return PQ_LEFT_BRACKET;
}

static enum promql_token_kind right_bracket(struct promql_lexer *l)
{
	if (!l->bracket_open)
		return fail(l, "unexpected right bracket ']'");
	l->bracket_open = l->in_duration = false;
	return PQ_RIGHT_BRACKET;
}

static enum promql_token_kind duration_colon(struct promql_lexer *l)
{
	const char *message = NULL;
	if (!l->got_duration)
		message = "unexpected colon before duration in duration expression";
	else if (l->got_colon)
		message = "unexpected repeated colon in duration expression";
	l->got_colon = true;
	if (!message)
		return PQ_COLON;
	l->start = l->next;
	return fail(l, message);
}

static enum promql_token_kind in_duration(struct promql_lexer *l)
{
	enum promql_token_kind kind;
	for (;;) {
		l->start = l->next;
		/*!re2c
		$ { return fail(l, "unexpected end of input in duration expression"); }
		space { continue; }
		"]" {
			l->got_colon = false;
			return right_bracket(l);
		}
		":" { return duration_colon(l); }
		"(" {
			l->paren_depth++;
			return PQ_LEFT_PAREN;
		}
		")" { return right_paren(l); }
		"+" { return PQ_ADD; }
		"-" { return PQ_SUB; }
		"*" { return PQ_MUL; }
		"/" { return PQ_DIV; }
		"%" { return PQ_MOD; }
		"^" { return PQ_POW; }
		"," { return PQ_COMMA; }
		number {
			l->got_duration = true;
			return number_or_duration(l);
		}
		alpha {
			if (duration_word(l, &kind))
				return kind;
			return fail_rune(l, "unexpected character in duration expression: %s",
					 *l->start);
		}
		* {
			l->next = l->start;
			return fail_rune(l, "unexpected character in duration expression: %s",
					 take_rune(l));
		}
		*/
	}
}

/* --- braces --------------------------------------------------------------------------- */

static enum promql_token_kind in_braces(struct promql_lexer *l)
{
	for (;;) {
		l->start = l->next;
		/*!re2c
		$ { return fail(l, "unexpected end of input inside braces"); }
		space | comment { continue; }
		alpha alnum* { return PQ_IDENTIFIER; }
		"," { return PQ_COMMA; }
		["'`] { return string(l); }
		"=" { return PQ_EQL; }
		"=~" { return PQ_EQL_REGEX; }
		"!=" { return PQ_NEQ; }
		"!~" { return PQ_NEQ_REGEX; }
		"!" {
			return fail_rune(l, "unexpected character after '!' inside braces: %s",
					 take_rune(l));
		}
		"{" { return fail(l, "unexpected left brace '{'"); }
		"}" {
			l->brace_open = false;
			return PQ_RIGHT_BRACE;
		}
		* {
			l->next = l->start;
			return fail_rune(l, "unexpected character inside braces: %s", take_rune(l));
		}
		*/
	}
}

/* --- everything else ------------------------------------------------------------------ */

/* `fill` and its like are names unless a parenthesis follows. */
static enum promql_token_kind fill_word(const struct promql_lexer *l, enum promql_token_kind kind)
{
	const char *p = l->next;
	while (p < l->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p < l->end && *p == '(' ? kind : PQ_IDENTIFIER;
}

static enum promql_token_kind end_of_input(struct promql_lexer *l)
{
	if (l->paren_depth != 0)
		return fail(l, "unclosed left parenthesis");
	if (l->bracket_open)
		return fail(l, "unclosed left bracket");
	return PQ_EOF;
}

static enum promql_token_kind statement(struct promql_lexer *l)
{
	for (;;) {
		l->start = l->next;
		if (l->bracket_open && l->next < l->end && (is_alpha(*l->next) || *l->next == ':'))
			return bracket_word(l);
		/*!re2c
		$ { return end_of_input(l); }
		space | comment { continue; }
		"," { return PQ_COMMA; }
		"*" { return PQ_MUL; }
		"/" { return PQ_DIV; }
		"%" { return PQ_MOD; }
		"+" { return PQ_ADD; }
		"-" { return PQ_SUB; }
		"^" { return PQ_POW; }
		"=" { return PQ_EQL; }
		"==" { return PQ_EQLC; }
		"=~" { return fail(l, "unexpected character after '=': '~'"); }
		"!=" { return PQ_NEQ; }
		"!" { return fail_rune(l, "unexpected character after '!': %s", take_rune(l)); }
		"<" { return PQ_LSS; }
		"<=" { return PQ_LTE; }
		"</" { return PQ_TRIM_UPPER; }
		">" { return PQ_GTR; }
		">=" { return PQ_GTE; }
		">/" { return PQ_TRIM_LOWER; }
		"@" { return PQ_AT; }
		number { return number_or_duration(l); }
		["'`] { return string(l); }
		"(" {
			l->paren_depth++;
			return PQ_LEFT_PAREN;
		}
		")" { return right_paren(l); }
		"{" {
			l->brace_open = true;
			return PQ_LEFT_BRACE;
		}
		"[" { return left_bracket(l); }
		"]" { return right_bracket(l); }

		'and' { return PQ_LAND; }
		'or' { return PQ_LOR; }
		'unless' { return PQ_LUNLESS; }
		'atan2' { return PQ_ATAN2; }
		'sum' { return PQ_SUM; }
		'avg' { return PQ_AVG; }
		'count' { return PQ_COUNT; }
		'min' { return PQ_MIN; }
		'max' { return PQ_MAX; }
		'group' { return PQ_GROUP; }
		'stddev' { return PQ_STDDEV; }
		'stdvar' { return PQ_STDVAR; }
		'topk' { return PQ_TOPK; }
		'bottomk' { return PQ_BOTTOMK; }
		'quantile' { return PQ_QUANTILE; }
		'count_values' { return PQ_COUNT_VALUES; }
		'limitk' { return PQ_LIMITK; }
		'limit_ratio' { return PQ_LIMIT_RATIO; }
		'offset' { return PQ_OFFSET; }
		'smoothed' { return PQ_SMOOTHED; }
		'anchored' { return PQ_ANCHORED; }
		'by' { return PQ_BY; }
		'without' { return PQ_WITHOUT; }
		'on' { return PQ_ON; }
		'ignoring' { return PQ_IGNORING; }
		'group_left' { return PQ_GROUP_LEFT; }
		'group_right' { return PQ_GROUP_RIGHT; }
		'fill' { return fill_word(l, PQ_FILL); }
		'fill_left' { return fill_word(l, PQ_FILL_LEFT); }
		'fill_right' { return fill_word(l, PQ_FILL_RIGHT); }
		'bool' { return PQ_BOOL; }
		'start' { return PQ_START; }
		'end' { return PQ_END; }
		'step' { return PQ_STEP; }
		'range' { return PQ_RANGE; }
		'max_of' { return PQ_MAX_OF; }
		'min_of' { return PQ_MIN_OF; }
		'inf' | 'nan' { return PQ_NUMBER; }
		alpha alnum* { return PQ_IDENTIFIER; }
		(alpha | ":") (alnum | ":")* { return PQ_METRIC_IDENTIFIER; }
		* {
			l->next = l->start;
			return fail_rune(l, "unexpected character: %s", take_rune(l));
		}
		*/
	}
}

void promql_lexer_next(struct promql_lexer *l, struct promql_token *token)
{
	enum promql_token_kind kind;
	if (l->failed) {
		l->start = l->next = l->end;
		kind = PQ_EOF;
	} else if (l->brace_open) {
		kind = in_braces(l);
	} else if (l->in_duration) {
		kind = in_duration(l);
	} else {
		kind = statement(l);
	}
	*token = (struct promql_token){
		.kind = kind,
		.pos = (uint32_t)(l->start - l->text),
		.text = {l->start, (size_t)(l->next - l->start)},
	};
}
