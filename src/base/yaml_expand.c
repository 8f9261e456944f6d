/* The forms follow the OpenTelemetry Collector's docs/rfcs/env-vars.md and confmap/expand.go. */
#include "base/yaml_expand.h"

#define LONGEST_NAME 200

struct expander {
	const struct yaml_variables *variables;
	struct diagnostics *diagnostics;
	struct position at;
	struct buf out;
};

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0 && s.len <= LONGEST_NAME;
}

static const char *find_in(struct slice s, const char *what)
{
	return s.len ? memmem(s.ptr, s.len, what, strlen(what)) : NULL;
}

static int refuse(struct expander *e, struct slice inner)
{
	static const char *const providers[] = {"file:", "yaml:", "http:", "https:"};
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		if (slice_starts_with(inner, slice_of(providers[i]))) {
			diagnostics_add(
				e->diagnostics, SEVERITY_ERROR, e->at, "",
				"found ${" SLICE_FMT "}: the provider %.*s is known, but not "
				"built yet; only ${env:NAME} is",
				SLICE_ARG(inner), (int)strlen(providers[i]) - 1, providers[i]);
			return STATUS_INVALID;
		}
	}
	diagnostics_add(e->diagnostics, SEVERITY_ERROR, e->at, "",
			"found ${" SLICE_FMT "}, expected a variable such as ${env:NAME} or "
			"${env:NAME:-default}",
			SLICE_ARG(inner))
		->help = "for these characters themselves, write $${…}";
	return STATUS_INVALID;
}

/* `inner` is what stands between ${ and }. */
static int expand_reference(struct expander *e, struct slice inner)
{
	struct slice name = inner, fallback = {0};
	if (slice_starts_with(name, SLICE("env:")))
		name = (struct slice){name.ptr + 4, name.len - 4};
	const char *dash = find_in(name, ":-");
	if (dash) {
		fallback = (struct slice){dash + 2, (size_t)(name.ptr + name.len - dash - 2)};
		name.len = (size_t)(dash - name.ptr);
	}
	if (!is_name(name))
		return refuse(e, inner);
	char key[LONGEST_NAME + 1];
	memcpy(key, name.ptr, name.len);
	key[name.len] = '\0';
	const char *value = e->variables->lookup(e->variables->ctx, key);
	if (value) {
		buf_append_cstr(&e->out, value);
	} else if (dash) {
		buf_append_slice(&e->out, fallback);
	} else {
		diagnostics_add(e->diagnostics, SEVERITY_WARNING, e->at, "",
				"the environment variable %s is not set: an empty value is used",
				key)
			->help =
			diagnostics_text(e->diagnostics, "${env:%s:-default} gives a default", key);
	}
	return 0;
}

static int expand_all(struct expander *e, struct slice text, unsigned *references)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	*references = 0;
	while (at < end) {
		const char *dollar = memchr(at, '$', (size_t)(end - at));
		if (!dollar || dollar + 1 == end) {
			buf_append(&e->out, at, (size_t)(end - at));
			break;
		}
		buf_append(&e->out, at, (size_t)(dollar - at));
		const char *close =
			dollar[1] == '{' ? memchr(dollar, '}', (size_t)(end - dollar)) : NULL;
		if (dollar[1] == '$') {
			buf_append_byte(&e->out, '$');
			at = dollar + 2;
		} else if (close) {
			struct slice inner = {dollar + 2, (size_t)(close - dollar - 2)};
			int rc = expand_reference(e, inner);
			if (rc < 0)
				return rc;
			++*references;
			at = close + 1;
		} else {
			buf_append_byte(&e->out, '$');
			at = dollar + 1;
		}
	}
	return 0;
}

int yaml_expand(struct yaml_expansion *out, struct slice text, struct position at,
		const struct yaml_variables *variables, struct diagnostics *diagnostics)
{
	struct expander e = {variables, diagnostics, at, BUF_INIT};
	unsigned references;
	buf_init_limited(&e.out, YAML_MAX_BYTES);
	int rc = expand_all(&e, text, &references);
	if (rc < 0)
		goto out;
	char *copy = e.out.failed ? NULL : arena_strdup(diagnostics->arena, buf_slice(&e.out));
	if (!copy) {
		diagnostics_add(diagnostics, SEVERITY_ERROR, at, "",
				"the value is too long once its variables are filled in");
		rc = STATUS_INVALID;
		goto out;
	}
	const char *close = find_in(text, "}");
	*out = (struct yaml_expansion){
		.text = {copy, e.out.len},
		.whole = references == 1 && text.ptr[0] == '$' && text.ptr[1] == '{' &&
			 close == text.ptr + text.len - 1,
	};
out:
	buf_release(&e.out);
	return rc;
}
