#include "lang/promql/functions.h"

#include <stdlib.h>

const struct promql_function promql_functions[PROMQL_FUNCTION_COUNT] = {
#define PROMQL_FUNCTION_ROW(name, args, least, most, result, experimental)                         \
	{PROMQL_FN_##name, #name, args, least, most, PROMQL_TYPE_##result, experimental},
	PROMQL_FUNCTIONS(PROMQL_FUNCTION_ROW)
#undef PROMQL_FUNCTION_ROW
};

const char *promql_type_name(enum promql_type type)
{
	switch (type) {
	case PROMQL_TYPE_SCALAR:
		return "scalar";
	case PROMQL_TYPE_VECTOR:
		return "instant vector";
	case PROMQL_TYPE_MATRIX:
		return "range vector";
	case PROMQL_TYPE_STRING:
		return "string";
	case PROMQL_TYPE_NONE:
		break;
	}
	return "none";
}

static int by_name(const void *key, const void *entry)
{
	const struct slice *name = key;
	const struct promql_function *function = entry;
	struct slice other = slice_of(function->name);
	size_t shorter = name->len < other.len ? name->len : other.len;
	int order = memcmp(name->ptr, other.ptr, shorter);
	return order ? order : (name->len > other.len) - (name->len < other.len);
}

const struct promql_function *promql_function_find(struct slice name)
{
	return bsearch(&name, promql_functions, PROMQL_FUNCTION_COUNT, sizeof(promql_functions[0]),
		       by_name);
}
