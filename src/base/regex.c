#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/regex_syntax.h"

/* Steps of backtracking that a match may take. */
#define MATCH_LIMIT 1000000
/* KiB for the matcher without machine code. */
#define HEAP_LIMIT (16 * 1024)
/* Bytes of an expression in PCRE2's form. */
#define PATTERN_MAX (1 << 20)

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
	char *pattern; /* where the names are */
	struct regex_group_names names;
};

/* What PCRE2 refuses although the syntax is RE2's. */
static int refused(int code, struct slice pattern, struct error *err)
{
	switch (code) {
	case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY:
	case PCRE2_ERROR_MALFORMED_UNICODE_PROPERTY:
		return error_set(err, STATUS_INVALID,
				 "error parsing regexp: invalid character class range: `" SLICE_FMT
				 "`",
				 SLICE_ARG(pattern));
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
		return error_set(err, STATUS_INVALID,
				 "error parsing regexp: expression nests too deeply: `" SLICE_FMT
				 "`",
				 SLICE_ARG(pattern));
	case PCRE2_ERROR_QUANTIFIER_INVALID:
		return error_set(err, STATUS_INVALID,
				 "error parsing regexp: missing argument to repetition operator: "
				 "`" SLICE_FMT "`",
				 SLICE_ARG(pattern));
	default:
		return error_set(err, STATUS_INVALID,
				 "error parsing regexp: expression too large: `" SLICE_FMT "`",
				 SLICE_ARG(pattern));
	}
}

static int compile(struct regex *regex, struct slice pattern, const struct buf *translated,
		   struct error *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL |
				 PCRE2_DOLLAR_ENDONLY | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
				 PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	int code;
	size_t offset;
	if (!context)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a regexp");
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	regex->code = pcre2_compile((PCRE2_SPTR)translated->data, translated->len, options, &code,
				    &offset, context);
	pcre2_compile_context_free(context);
	if (!regex->code)
		return refused(code, pattern, err);
	/* Without it, matching is slower, not wrong. */
	pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	regex->limits = pcre2_match_context_create(NULL);
	if (!regex->limits)
		return error_set(err, STATUS_NO_MEMORY, "no memory for a regexp");
	pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(regex->limits, HEAP_LIMIT);
	return STATUS_OK;
}

int regex_new(struct regex **out, struct slice pattern, struct error *err)
{
	struct buf translated;
	int rc;
	struct regex *regex = calloc(1, sizeof(*regex));
	buf_init_limited(&translated, PATTERN_MAX);
	if (!regex || !(regex->pattern = malloc(pattern.len + 1))) {
		rc = error_set(err, STATUS_NO_MEMORY, "no memory for a regexp");
		goto out;
	}
	if (pattern.len)
		memcpy(regex->pattern, pattern.ptr, pattern.len);
	regex->pattern[pattern.len] = '\0';
	struct slice copy = {regex->pattern, pattern.len};
	buf_append_cstr(&translated, "(?:");
	rc = regex_translate(copy, &translated, &regex->names, err);
	if (rc < 0)
		goto out;
	buf_append_byte(&translated, ')');
	if (translated.failed) {
		rc = refused(0, pattern, err);
		goto out;
	}
	rc = compile(regex, pattern, &translated, err);
	if (rc == STATUS_OK) {
		*out = regex;
		regex = NULL;
	}
out:
	buf_release(&translated);
	regex_free(regex);
	return rc;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	pcre2_match_context_free(regex->limits);
	free(regex->names.items);
	free(regex->pattern);
	free(regex);
}

uint32_t regex_group_count(const struct regex *regex)
{
	return regex->names.groups;
}

uint32_t regex_group_number(const struct regex *regex, struct slice name, uint32_t after)
{
	for (uint32_t i = 0; i < regex->names.count; i++) {
		if (regex->names.items[i].number > after &&
		    slice_eq(regex->names.items[i].name, name))
			return regex->names.items[i].number;
	}
	return 0;
}

int regex_match_groups(const struct regex *regex, struct slice text, struct slice *groups,
		       uint32_t count, struct error *err)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.len ? text.ptr : "");
	/* Of its own for every call: so threads do not share anything that is written. */
	pcre2_match_data *data = pcre2_match_data_create(count ? count : 1, NULL);
	if (!data)
		return error_set(err, STATUS_NO_MEMORY, "no memory to match a regexp");
	int rc = pcre2_match(regex->code, subject, text.len, 0, 0, data, regex->limits);
	/* The machine code's stack is small; the interpreter uses the heap. */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(regex->code, subject, text.len, 0, PCRE2_NO_JIT, data,
				 regex->limits);
	if (rc < 0) {
		pcre2_match_data_free(data);
		if (rc == PCRE2_ERROR_NOMATCH)
			return 0;
		return error_set(err, STATUS_LIMIT, "the regexp `%s` takes too many steps to match",
				 regex->pattern);
	}
	const size_t *ends = pcre2_get_ovector_pointer(data);
	uint32_t set = rc == 0 ? pcre2_get_ovector_count(data) : (uint32_t)rc;
	for (uint32_t i = 0; i < count; i++) {
		bool part = i < set && ends[2 * i] != PCRE2_UNSET;
		groups[i] = (struct slice){NULL, 0};
		if (part)
			groups[i] = (struct slice){(const char *)subject + ends[2 * i],
						   ends[2 * i + 1] - ends[2 * i]};
	}
	pcre2_match_data_free(data);
	return 1;
}

int regex_match(const struct regex *regex, struct slice text, struct error *err)
{
	return regex_match_groups(regex, text, NULL, 0, err);
}
