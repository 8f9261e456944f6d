/*
 * Sends OTLP requests over any number of connections and measures how long each takes.
 * Used from one thread.
 */
#ifndef TRIPOD_APP_SEND_SENDER_H
#define TRIPOD_APP_SEND_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/signal.h"

enum send_protocol { SEND_GRPC, SEND_HTTP_PROTOBUF, SEND_HTTP_JSON };

struct sender_options {
	enum send_protocol protocol;
	const char *endpoint; /* as the exporters otlp and otlphttp take it */
	const struct option_pair *headers;
	size_t header_count;
	const char *ca_file; /* or NULL */
	unsigned connections;
	unsigned in_flight; /* requests of a connection that wait for their answer */
};

struct sender;

int sender_start(struct sender **out, const struct sender_options *options, struct error *err);
void sender_free(struct sender *sender);

/*
 * Sends a request, when one of the connections is free for it; a copy is taken. `since`
 * (clock_monotonic_ns): when it should have been sent, from which its time is counted; 0:
 * from now.
 * What the peer wants later is sent again. TIMEOUT when for some seconds nothing was ever taken.
 */
int sender_send(struct sender *sender, enum signal signal, struct slice protobuf, uint64_t records,
		int64_t since, struct error *err);
/* Waits until everything is answered, at most `timeout_ms`: false when it is not. */
bool sender_wait(struct sender *sender, unsigned timeout_ms);

/* Times go into buckets 1/32 of a power of two wide. */
#define TIME_BUCKETS (64 * 32)

struct sender_stats {
	uint64_t requests, records, bytes; /* answered with success */
	uint64_t retries, failed_requests, failed_records, left_out_records;
	uint64_t times[TIME_BUCKETS]; /* requests, by microseconds */
	uint64_t longest_us;
	char problem[400]; /* what the peer said to the last failure or retry; "" */
};
void sender_stats(struct sender *sender, struct sender_stats *out);
/* The time that the part `quantile` (0 to 1) of requests took at most, in microseconds. */
uint64_t sender_quantile(const struct sender_stats *stats, double quantile);

#endif
