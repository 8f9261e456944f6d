#include "net/http_int.h"

#include <stdlib.h>

/* What a header is counted with beside its text (as RFC 9113 §6.5.2 does). */
#define FIELD_OVERHEAD 32

void head_init(struct request_head *head, size_t max)
{
	*head = (struct request_head){0};
	buf_init_limited(&head->bytes, max);
}

void head_release(struct request_head *head)
{
	buf_release(&head->bytes);
	free(head->fields);
	head_init(head, head->bytes.limit);
}

void head_clear(struct request_head *head)
{
	struct request_head kept = {
		.bytes = head->bytes, .fields = head->fields, .capacity = head->capacity};
	buf_clear(&kept.bytes);
	*head = kept;
}

static void check_size(struct request_head *head)
{
	if (head->bytes.failed || head->bytes.len + head->overhead > head->bytes.limit)
		head->too_large = true;
}

void head_append(struct request_head *head, struct head_span *span, const char *at, size_t len)
{
	if (head->too_large)
		return;
	if (!span->len)
		span->at = head->bytes.len;
	buf_append(&head->bytes, at, len);
	check_size(head);
	if (!head->too_large)
		span->len += len;
}

struct head_field *head_add(struct request_head *head)
{
	head->overhead += FIELD_OVERHEAD;
	check_size(head);
	if (head->too_large)
		return NULL;
	if (head->count == head->capacity) {
		size_t capacity = head->capacity ? head->capacity * 2 : 16;
		struct head_field *fields = realloc(head->fields, capacity * sizeof(*fields));
		if (!fields) {
			head->too_large = true;
			return NULL;
		}
		head->fields = fields;
		head->capacity = capacity;
	}
	struct head_field *field = &head->fields[head->count++];
	*field = (struct head_field){0};
	return field;
}

struct slice head_text(const struct request_head *head, struct head_span span)
{
	if (!span.len)
		return SLICE("");
	return (struct slice){head->bytes.data + span.at, span.len};
}
