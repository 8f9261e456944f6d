#include "api/status.h"

#include <ctype.h>
#include <stdio.h>

#include "api/background.h"
#include "base/clock.h"
#include "base/units.h"
#include "net/form.h"
#include "pipeline/quarantine.h"
#include "store/bridge.h"
#include "wire/json_write.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"
#define APPLICATION_JSON "application/json; charset=utf-8"
#define DEFAULT_FLUSH_NS (30 * NS_PER_SECOND)
#define MAX_FLUSH_NS (600 * NS_PER_SECOND)
#define QUARANTINE_PATH "/-/quarantine/"
#define MAX_ID 200

/* --- on the loop -------------------------------------------------------------------- */

static void handle_healthy(struct http_request *req, void *ctx)
{
	http_respond(req, 200, TEXT_PLAIN, SLICE("healthy\n"));
}

static void handle_ready(struct http_request *req, void *ctx)
{
	const struct status_api *api = ctx;
	const struct status_source *source = api->source;
	struct buf why = BUF_INIT;
	if (!source->ready || source->ready(source->ctx, &why))
		http_respond(req, 200, TEXT_PLAIN, SLICE("ready\n"));
	else
		http_respond(req, 503, TEXT_PLAIN,
			     why.len ? buf_slice(&why) : SLICE("not ready\n"));
	buf_release(&why);
}

/* --- on a thread -------------------------------------------------------------------- */

static void respond_json(struct background_call *call, struct buf *body)
{
	if (body->failed)
		background_respond_text(call, 503, "no memory for the answer");
	else
		bridge_respond(call->answer, 200, APPLICATION_JSON, buf_slice(body));
	buf_release(body);
}

static void run_status(struct background_call *call)
{
	struct buf body = BUF_INIT;
	status_append_json(call->ctx, &body);
	respond_json(call, &body);
}

static void run_flush(struct background_call *call)
{
	const struct status_source *source = call->ctx;
	struct slice text = form_value(call->query, "timeout", 0, &call->arena);
	int64_t timeout = DEFAULT_FLUSH_NS;
	struct error err = {0};
	if (!source->flush) {
		background_respond_text(call, 501, "there is nothing to flush here");
	} else if (text.ptr && (duration_parse(&timeout, text) || timeout <= 0)) {
		background_respond_text(call, 400, "timeout: expected a duration such as 30s");
	} else {
		timeout = timeout < MAX_FLUSH_NS ? timeout : MAX_FLUSH_NS;
		int rc = source->flush(source->ctx, (unsigned)(timeout / NS_PER_MS), &err);
		if (rc == 0)
			background_respond_text(call, 200, "flushed");
		else if (rc == STATUS_TIMEOUT)
			background_respond_text(call, 504, err.message);
		else
			background_respond_error(call, &err);
	}
}

static void run_reload(struct background_call *call)
{
	const struct status_source *source = call->ctx;
	struct buf messages = BUF_INIT;
	if (!source->reload)
		background_respond_text(call, 501, "the configuration cannot be reloaded");
	else if (source->reload(source->ctx, &messages) == 0)
		background_respond_text(call, 200, messages.len ? buf_cstr(&messages) : "reloaded");
	else
		background_respond_text(call, 400,
					messages.len ? buf_cstr(&messages)
						     : "the configuration cannot be loaded");
	buf_release(&messages);
}

static void put_text(struct json_writer *w, struct slice key, const char *value)
{
	json_write_key(w, key);
	json_write_string(w, slice_of(value));
}

static void put_entry(const struct quarantine_entry *entry, void *arg)
{
	struct json_writer *w = arg;
	char time[64];
	struct tm tm;
	time_t seconds = (time_t)(entry->time / NS_PER_SECOND);
	if (!gmtime_r(&seconds, &tm) || !strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &tm))
		time[0] = '\0';
	json_write_object_begin(w);
	put_text(w, SLICE("id"), entry->id);
	put_text(w, SLICE("exporter"), entry->exporter);
	put_text(w, SLICE("target"), entry->target);
	put_text(w, SLICE("reason"), entry->reason);
	put_text(w, SLICE("time"), time);
	json_write_key(w, SLICE("rows"));
	json_write_uint64(w, entry->rows);
	if (entry->cut_id) {
		char id[24];
		snprintf(id, sizeof(id), "%llu", (unsigned long long)entry->cut_id);
		/* 64 bits: as a string, for JavaScript's sake. */
		put_text(w, SLICE("cut_id"), id);
	}
	json_write_object_end(w);
}

static void run_list(struct background_call *call)
{
	const struct status_source *source = call->ctx;
	struct buf body = BUF_INIT;
	struct json_writer w = {.out = &body};
	struct error err;
	json_write_object_begin(&w);
	json_write_key(&w, SLICE("entries"));
	json_write_array_begin(&w);
	int rc = source->quarantine ? quarantine_each(source->quarantine, put_entry, &w, &err) : 0;
	json_write_array_end(&w);
	json_write_object_end(&w);
	if (rc) {
		buf_release(&body);
		background_respond_error(call, &err);
		return;
	}
	respond_json(call, &body);
}

/* The id in "/-/quarantine/{id}<suffix>": letters, digits, '-'; NULL when it is none. */
static const char *entry_id(struct background_call *call, const char *suffix)
{
	struct slice id = call->path, tail = slice_of(suffix);
	size_t prefix = sizeof(QUARANTINE_PATH) - 1;
	if (id.len <= prefix + tail.len ||
	    memcmp(id.ptr + id.len - tail.len, tail.ptr, tail.len) != 0)
		return NULL;
	id.ptr += prefix;
	id.len -= prefix + tail.len;
	for (size_t i = 0; i < id.len; i++) {
		if (!isalnum((unsigned char)id.ptr[i]) && id.ptr[i] != '-')
			return NULL;
	}
	return id.len <= MAX_ID ? arena_strdup(&call->arena, id) : NULL;
}

static void run_retry(struct background_call *call)
{
	const struct status_source *source = call->ctx;
	const char *id = entry_id(call, "/retry");
	struct error err = {0};
	if (!id)
		background_respond_text(call, 404, "use POST /-/quarantine/{id}/retry");
	else if (!source->retry)
		background_respond_text(call, 501, "there is no quarantine here");
	else if (source->retry(source->ctx, id, &err))
		background_respond_error(call, &err);
	else
		background_respond_text(call, 200, "stored");
}

static void run_delete(struct background_call *call)
{
	const struct status_source *source = call->ctx;
	const char *id = entry_id(call, "");
	struct error err = {0};
	if (!id)
		background_respond_text(call, 404, "use DELETE /-/quarantine/{id}");
	else if (!source->quarantine)
		background_respond_text(call, 501, "there is no quarantine here");
	else if (quarantine_delete(source->quarantine, id, &err))
		background_respond_error(call, &err);
	else
		background_respond_text(call, 200, "deleted");
}

/* --- routes ------------------------------------------------------------------------- */

#define HANDLER(name)                                                                              \
	static void handle_##name(struct http_request *req, void *ctx)                             \
	{                                                                                          \
		const struct status_api *api = ctx;                                                \
		background_run(api->background, req, run_##name, (void *)api->source);             \
	}
HANDLER(status)
HANDLER(flush)
HANDLER(reload)
HANDLER(list)
HANDLER(retry)
HANDLER(delete)

void status_routes(struct http_route routes[STATUS_ROUTE_COUNT], struct status_api *api)
{
	const struct http_route all[STATUS_ROUTE_COUNT] = {
		{"GET", "/-/healthy", HTTP_BODY_WHOLE, ACCESS_OPEN, handle_healthy, api},
		{"GET", "/-/ready", HTTP_BODY_WHOLE, ACCESS_OPEN, handle_ready, api},
		{"GET", "/-/status", HTTP_BODY_WHOLE, ACCESS_READ, handle_status, api},
		{"POST", "/-/flush", HTTP_BODY_WHOLE, ACCESS_ADMIN, handle_flush, api},
		{"POST", "/-/reload", HTTP_BODY_WHOLE, ACCESS_ADMIN, handle_reload, api},
		{"GET", "/-/quarantine", HTTP_BODY_WHOLE, ACCESS_ADMIN, handle_list, api},
		{"POST", QUARANTINE_PATH "*", HTTP_BODY_WHOLE, ACCESS_ADMIN, handle_retry, api},
		{"DELETE", QUARANTINE_PATH "*", HTTP_BODY_WHOLE, ACCESS_ADMIN, handle_delete, api},
	};
	memcpy(routes, all, sizeof(all));
}
