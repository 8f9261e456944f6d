/* What client.c and client_insert.c share: one HTTP exchange on a kept connection. */
#ifndef TRIPOD_STORE_CLIENT_INT_H
#define TRIPOD_STORE_CLIENT_INT_H

#include <curl/curl.h>

#include "store/client.h"

/* A connection (in its multi handle's cache) with the handle that uses it. */
struct client_session;

struct exchange {
	struct store_client *client;
	struct client_session *session;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct buf url;

	bool done;
	CURLcode result;
	char curl_error[CURL_ERROR_SIZE];

	long http_status; /* 0 until the headers are there */
	bool head_whole; /* the answer's head ended with its blank line */
	int exception_code; /* of the header; 0: none */
	struct buf refusal; /* the beginning of an answer that is not 200 */
	struct buf tail; /* the last bytes of one that is: an exception may stand there */
	int (*on_data)(void *ctx, struct slice data);
	void *on_data_ctx;
	int on_data_rc;
};

/* Prepares a POST; `sql_in_url` is NULL when the body is the statement. */
int exchange_begin(struct exchange *x, struct store_client *client, const char *sql_in_url,
		   const char *query_id, const struct store_option *options, size_t option_count,
		   struct error *err);
/* Hands it to the multi handle; from then on exchange_drive works on it. */
int exchange_start(struct exchange *x, struct error *err);
/*
 * Works until `stop` (may be NULL) says so, the exchange is done, or `deadline`
 * (clock_monotonic_ns; 0: none) is over: then false.
 */
bool exchange_drive(struct exchange *x, bool (*stop)(void *ctx), void *ctx, int64_t deadline);
/* Gives the session back; closes its connection unless the exchange ended whole. */
void exchange_release(struct exchange *x);

/* The server's code: of the header, else of the message; 0 when it sent none. */
int exchange_exception(const struct exchange *x);
/* Fills `err` from what went wrong. Returns its status; 0 when nothing did. */
int exchange_error(struct exchange *x, struct error *err);

#endif
