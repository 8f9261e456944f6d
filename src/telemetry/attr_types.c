#include "telemetry/attr_types.h"

void attr_types_append(struct buf *out, const struct attr *attrs, struct attr_run run)
{
	static const char letters[] = {
		[VALUE_EMPTY] = 'e',  [VALUE_STRING] = 's', [VALUE_BOOL] = 'b',  [VALUE_INT] = 'i',
		[VALUE_DOUBLE] = 'd', [VALUE_BYTES] = 'x',  [VALUE_ARRAY] = 'a', [VALUE_MAP] = 'm',
	};
	uint32_t count = run.count;
	while (count && attrs[run.first + count - 1].value.type == VALUE_STRING)
		count--;
	if (!buf_reserve(out, (size_t)count + 1))
		return;
	for (uint32_t i = 0; i < count; i++)
		out->data[out->len++] = letters[attrs[run.first + i].value.type];
	out->data[out->len++] = '/';
}

struct slice attr_types_finish(const struct buf *sections)
{
	size_t len = sections->len;
	while (len && sections->data[len - 1] == '/')
		len--;
	return (struct slice){sections->data, len};
}
