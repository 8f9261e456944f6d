#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "store/client_int.h"
#include "store/exception.h"

/* A server that takes no byte for this long is given up. */
#define STALL_NS (120 * NS_PER_SECOND)

struct store_insert {
	struct exchange x;
	struct slice pending; /* what curl has still to take; borrowed during a write */
	bool paused; /* curl found nothing to send */
	bool broken; /* bytes were given up: the body can never be whole */
	bool ending; /* nothing more will come */
	/*
	 * curl was told so: from here on the last chunk may be on its way. Before, the server
	 * cannot have seen a whole body.
	 */
	bool ended;
	uint64_t taken; /* bytes of the body */
	curl_socket_t fd; /* the one curl opened last; -1: none yet */
};

/*
 * So that the server cuts nothing off and commits nothing before the end, and no view's
 * failure is taken for the table's own. Options of the caller come behind and win.
 */
static const struct store_option defaults[] = {
	{"async_insert", "0"},
	{"input_format_parallel_parsing", "0"},
	{"max_insert_block_size", "1000000000"},
	{"min_insert_block_size_rows", "1000000000"},
	{"min_insert_block_size_bytes", "0"},
	{"materialized_views_ignore_errors", "1"},
};
#define DEFAULT_COUNT (sizeof(defaults) / sizeof(defaults[0]))
#define MAX_OPTIONS 64

static size_t give_bytes(char *to, size_t size, size_t count, void *arg)
{
	struct store_insert *insert = arg;
	size_t room = size * count;
	if (insert->pending.len == 0) {
		if (insert->ending) {
			insert->ended = true;
			return 0;
		}
		insert->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	size_t n = insert->pending.len < room ? insert->pending.len : room;
	memcpy(to, insert->pending.ptr, n);
	insert->pending.ptr += n;
	insert->pending.len -= n;
	insert->taken += n;
	return n;
}

/* CURLINFO_ACTIVESOCKET does not tell it while a transfer runs. */
static int note_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct store_insert *insert = arg;
	insert->fd = fd;
	return CURL_SOCKOPT_OK;
}

static void unpause(struct store_insert *insert)
{
	if (!insert->paused)
		return;
	insert->paused = false;
	curl_easy_pause(insert->x.easy, CURLPAUSE_CONT);
}

int store_insert_begin(struct store_insert **out, struct store_client *client, const char *sql,
		       const char *query_id, const struct store_option *options,
		       size_t option_count, struct error *err)
{
	struct store_option all[DEFAULT_COUNT + MAX_OPTIONS];
	if (option_count > MAX_OPTIONS)
		return error_set(err, STATUS_LIMIT, "more than %d options of an insert",
				 MAX_OPTIONS);
	memcpy(all, defaults, sizeof(defaults));
	if (option_count)
		memcpy(all + DEFAULT_COUNT, options, option_count * sizeof(*options));

	struct store_insert *insert = calloc(1, sizeof(*insert));
	if (!insert)
		return error_set(err, STATUS_NO_MEMORY, "no memory for an insert");
	struct exchange *x = &insert->x;
	int rc = exchange_begin(x, client, sql, query_id, all, DEFAULT_COUNT + option_count, err);
	if (rc == 0) {
		struct curl_slist *list =
			curl_slist_append(x->headers, "Transfer-Encoding: chunked");
		if (list)
			x->headers = list;
		else
			rc = error_set(err, STATUS_NO_MEMORY, "no memory for an insert");
	}
	if (rc == 0) {
		/* A kept one may be dead, which shows too late: the blocks cannot be sent again. */
		curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
		insert->fd = -1;
		curl_easy_setopt(x->easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
		curl_easy_setopt(x->easy, CURLOPT_SOCKOPTDATA, insert);
		curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, give_bytes);
		curl_easy_setopt(x->easy, CURLOPT_READDATA, insert);
		rc = exchange_start(x, err);
	}
	if (rc) {
		store_insert_abort(insert);
		return rc;
	}
	*out = insert;
	return 0;
}

static bool all_taken(void *ctx)
{
	const struct store_insert *insert = ctx;
	return insert->pending.len == 0;
}

int store_insert_write(struct store_insert *insert, struct slice bytes, struct error *err)
{
	struct exchange *x = &insert->x;
	insert->pending = bytes;
	while (!x->done && insert->pending.len) {
		size_t before = insert->pending.len;
		unpause(insert);
		if (!exchange_drive(x, all_taken, insert, clock_monotonic_ns() + STALL_NS) &&
		    insert->pending.len == before) {
			insert->pending.len = 0;
			insert->broken = true;
			return error_set(err, STATUS_TIMEOUT, "the store takes no bytes");
		}
	}
	insert->pending.len = 0;
	if (!x->done)
		return 0;
	struct error ignored;
	int rc = exchange_error(x, err ? err : &ignored);
	return rc ? rc
		  : error_set(err, STATUS_AGAIN, "the store answered before the insert was whole");
}

/* What is known of the rows when the server gave no verdict. */
static enum store_outcome without_verdict(const struct store_insert *insert)
{
	/* A 200 before the end makes no sense, and is no ground to think that nothing is there. */
	long status = 0;
	curl_easy_getinfo(insert->x.easy, CURLINFO_RESPONSE_CODE, &status);
	bool whole_unseen = !insert->ended && insert->taken <= STORE_INSERT_MAX_BYTES;
	return whole_unseen && status / 100 != 2 ? STORE_NOT_STORED : STORE_UNKNOWN;
}

static enum store_outcome verdict(struct store_insert *insert, struct error *err)
{
	struct exchange *x = &insert->x;
	int rc = exchange_error(x, err);
	int code = exchange_exception(x);
	if (rc == 0 && insert->ended)
		return STORE_STORED;
	if (rc == 0) {
		error_set(err, STATUS_AGAIN, "the store answered before the insert was whole");
		return STORE_UNKNOWN;
	}
	/* A code is the server's own word that it did not take the rows. */
	if (code) {
		enum store_outcome outcome = exception_outcome(code);
		return insert->taken <= STORE_INSERT_MAX_BYTES ? outcome : STORE_UNKNOWN;
	}
	/* A 4xx without a code: refused before it reached the engine (size, login, a proxy). */
	if (x->http_status >= 400 && x->http_status < 500 &&
	    insert->taken <= STORE_INSERT_MAX_BYTES)
		return STORE_NOT_STORED;
	return without_verdict(insert);
}

static bool at_once(void *ctx)
{
	return true;
}

/*
 * Whether the connection broke since the last write, which was before the end of the body:
 * then it is known what became of it. curl itself goes on sending when it has read an end
 * of file; an answer that came before that it has taken by then.
 */
static bool closed_already(struct store_insert *insert)
{
	struct exchange *x = &insert->x;
	char byte;
	exchange_drive(x, at_once, NULL, 0);
	if (x->done || insert->fd < 0)
		return false;
	ssize_t n = recv(insert->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

enum store_outcome store_insert_finish(struct store_insert *insert, unsigned timeout_ms,
				       struct error *err)
{
	struct exchange *x = &insert->x;
	struct error local;
	if (!err)
		err = &local;
	enum store_outcome outcome;
	if (insert->broken || closed_already(insert)) {
		/* To end the body now would commit what is there of it. */
		outcome = without_verdict(insert);
		error_set(err, STATUS_AGAIN, "%s",
			  insert->broken ? "the store took no bytes"
					 : "the store closed the connection");
		store_insert_abort(insert);
		return outcome;
	}
	insert->ending = true;
	unpause(insert);
	int64_t deadline = timeout_ms ? clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS : 0;
	if (exchange_drive(x, NULL, NULL, deadline)) {
		outcome = verdict(insert, err);
	} else {
		outcome = without_verdict(insert);
		error_set(err, STATUS_TIMEOUT, "no answer to an insert in %u ms", timeout_ms);
	}
	store_insert_abort(insert);
	return outcome;
}

void store_insert_abort(struct store_insert *insert)
{
	if (!insert)
		return;
	exchange_release(&insert->x);
	free(insert);
}
