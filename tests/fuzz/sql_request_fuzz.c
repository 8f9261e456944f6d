/* What a user's SQL request carries: a line with the URL's query string, then the statement. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/query_settings.h"
#include "store/exception.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sql_limits limits = {30000, 1 << 30, 1000, 0};
	const char *text = (const char *)data;
	const char *nl = size ? memchr(text, '\n', size) : NULL;
	struct slice url = {text, nl ? (size_t)(nl - text) : size};
	struct slice sql = {text + url.len + (nl != NULL), size - url.len - (nl != NULL)};
	struct query_request request;
	struct arena arena;
	struct error err;
	bool empty;
	arena_init(&arena, 1 << 20);
	int rc = query_request_read(&request, url, NULL, "default", &limits, &arena, &err);
	char *statement = malloc(sql.len + 1);
	memcpy(statement, sql.ptr, sql.len);
	sql.ptr = statement;
	if (rc == 0)
		rc = query_request_take_clause(&request, statement, sql.len, &err);
	if (rc == 0)
		rc = query_request_finish(&request, &err);
	if (rc == 0)
		rc = sql_access_check(sql, "default", request.params, request.param_count, &empty,
				      &err);
	/* Whatever is refused is refused as ClickHouse would say it. */
	if (rc && exception_code_of(slice_of(err.message)) == 0)
		abort();
	free(statement);
	arena_release(&arena);
	return 0;
}
