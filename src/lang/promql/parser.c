/* The parser's state: tokens, messages, memory. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "lang/promql/number.h"
#include "lang/promql/parse_int.h"
#include "lang/promql/quote.h"

void promql_position_text(struct slice text, uint32_t pos, struct buf *out)
{
	if (text.len == 0) {
		buf_append_cstr(out, "unknown position");
		return;
	}
	if (pos > text.len) {
		buf_append_cstr(out, "invalid position");
		return;
	}
	unsigned line = 1;
	size_t line_start = 0;
	for (size_t i = 0; i < pos; i++) {
		if (text.ptr[i] == '\n') {
			line++;
			line_start = i + 1;
		}
	}
	buf_appendf(out, "%u:%zu", line, pos - line_start + 1);
}

static void *fail_with(struct promql_parser *p, enum status status, uint32_t pos, const char *fmt,
		       va_list ap)
{
	if (p->status)
		return NULL;
	char message[400];
	vsnprintf(message, sizeof(message), fmt, ap);
	struct buf where = BUF_INIT;
	promql_position_text(p->text, pos, &where);
	p->status = error_set(p->err, status, "%s: parse error: %s", buf_cstr(&where), message);
	buf_release(&where);
	return NULL;
}

void *promql_fail(struct promql_parser *p, uint32_t pos, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fail_with(p, STATUS_INVALID, pos, fmt, ap);
	va_end(ap);
	return NULL;
}

__attribute__((format(printf, 3, 4))) static void *limit(struct promql_parser *p, uint32_t pos,
							 const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fail_with(p, STATUS_LIMIT, pos, fmt, ap);
	va_end(ap);
	return NULL;
}

void *promql_too_deep(struct promql_parser *p, uint32_t pos)
{
	return limit(p, pos, "the expression is nested more than %d levels deep", PROMQL_MAX_DEPTH);
}

void *promql_no_memory(struct promql_parser *p)
{
	return limit(p, p->last_end, "the expression needs more memory than a query may use");
}

bool promql_parser_init(struct promql_parser *p, struct arena *arena, struct slice text,
			struct error *err)
{
	*p = (struct promql_parser){.arena = arena, .err = err, .text = text};
	if (text.len > UINT32_MAX / 2)
		return limit(p, 0, "the expression is too long");
	/* The lexer wants a zero behind the text. */
	char *copy = arena_strdup(arena, text);
	if (!copy)
		return promql_no_memory(p);
	promql_lexer_init(&p->lexer, copy, (uint32_t)text.len);
	return true;
}

enum promql_token_kind promql_peek(struct promql_parser *p)
{
	if (!p->loaded) {
		promql_lexer_next(&p->lexer, &p->token);
		p->loaded = true;
		if (p->token.kind == PQ_ERROR)
			promql_fail(p, p->token.pos, "%s", p->lexer.message);
	}
	return p->token.kind;
}

struct promql_token promql_take(struct promql_parser *p)
{
	promql_peek(p);
	p->loaded = false;
	p->last_end = p->token.pos + (uint32_t)p->token.text.len;
	return p->token;
}

bool promql_accept(struct promql_parser *p, enum promql_token_kind kind)
{
	if (promql_peek(p) != kind)
		return false;
	promql_take(p);
	return true;
}

/* The token as messages show it. */
static void describe(const struct promql_token *token, struct buf *out)
{
	switch (token->kind) {
	case PQ_EOF:
		buf_append_cstr(out, "end of input");
		return;
	case PQ_IDENTIFIER:
		buf_append_cstr(out, "identifier ");
		promql_quote(token->text, out);
		return;
	case PQ_METRIC_IDENTIFIER:
		buf_append_cstr(out, "metric identifier ");
		promql_quote(token->text, out);
		return;
	case PQ_STRING:
		buf_append_cstr(out, "string ");
		break;
	case PQ_NUMBER:
		buf_append_cstr(out, "number ");
		break;
	case PQ_DURATION:
		buf_append_cstr(out, "duration ");
		break;
	default:
		break;
	}
	if (promql_token_is_keyword(token->kind)) {
		buf_appendf(out, "<" SLICE_FMT ">", SLICE_ARG(token->text));
	} else if (promql_token_is_operator(token->kind)) {
		buf_appendf(out, "<op:" SLICE_FMT ">", SLICE_ARG(token->text));
	} else if (promql_token_is_aggregation(token->kind)) {
		buf_appendf(out, "<aggr:" SLICE_FMT ">", SLICE_ARG(token->text));
	} else if (token->text.len > 10) {
		promql_quote_start(token->text, 10, out);
		buf_append_cstr(out, "...");
	} else {
		promql_quote(token->text, out);
	}
}

void *promql_unexpected(struct promql_parser *p, const char *context, const char *expected)
{
	promql_peek(p);
	if (p->status)
		return NULL;
	/* Where nothing says more, an aggregation that is open is the context. */
	if (!context && p->aggregations)
		context = "aggregation";
	struct buf what = BUF_INIT;
	describe(&p->token, &what);
	promql_fail(p, p->token.pos, "unexpected %s%s%s%s%s", buf_cstr(&what),
		    context ? " in " : "", context ? context : "", expected ? ", expected " : "",
		    expected ? expected : "");
	buf_release(&what);
	return NULL;
}

void *promql_alloc(struct promql_parser *p, size_t size)
{
	void *memory = arena_alloc(p->arena, size);
	return memory ? memory : promql_no_memory(p);
}

void *promql_grow(struct promql_parser *p, void *items, uint32_t count, uint32_t *capacity,
		  size_t size)
{
	if (count < *capacity)
		return items;
	uint32_t more = *capacity ? 2 * *capacity : 4;
	void *larger = arena_array(p->arena, more, size);
	if (!larger)
		return promql_no_memory(p);
	if (count)
		memcpy(larger, items, count * size);
	*capacity = more;
	return larger;
}

const char *promql_quoted(struct promql_parser *p, struct slice text)
{
	struct buf quoted = BUF_INIT;
	promql_quote(text, &quoted);
	char *copy = arena_strdup(p->arena, buf_slice(&quoted));
	buf_release(&quoted);
	return copy ? copy : "\"\"";
}

static bool token_duration(struct promql_parser *p, struct promql_token token, double *out)
{
	int64_t ms;
	struct slice unit;
	switch (promql_read_duration(token.text, &ms, &unit)) {
	case PROMQL_DURATION_OK:
		*out = (double)(ms / 1000) + (double)(ms % 1000 * 1000000) / 1e9;
		return true;
	case PROMQL_DURATION_UNIT:
		return promql_fail(p, token.pos, "unknown unit %s in duration %s",
				   promql_quoted(p, unit), promql_quoted(p, token.text));
	case PROMQL_DURATION_RANGE_ERROR:
		return promql_fail(p, token.pos, "duration out of range");
	case PROMQL_DURATION_SYNTAX:
		break;
	}
	return promql_fail(p, token.pos, "not a valid duration string: %s",
			   promql_quoted(p, token.text));
}

bool promql_token_number(struct promql_parser *p, struct promql_token token, double *out)
{
	if (token.kind == PQ_DURATION)
		return token_duration(p, token, out);
	enum promql_number_error error = promql_number(token.text, p->arena, out);
	if (error == PROMQL_NUMBER_OK)
		return true;
	if (error == PROMQL_NUMBER_MEMORY)
		return promql_no_memory(p);
	return promql_fail(p, token.pos, "error parsing number: strconv.ParseFloat: parsing %s: %s",
			   promql_quoted(p, token.text),
			   error == PROMQL_NUMBER_RANGE ? "value out of range" : "invalid syntax");
}

bool promql_token_string(struct promql_parser *p, struct promql_token token, struct slice *out)
{
	*out = promql_unquote(token.text, p->arena);
	return out->ptr || promql_no_memory(p);
}
