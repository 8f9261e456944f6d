/*
 * The parts of gRPC that server and client share: pure functions on bytes. Private to net/.
 */
#ifndef TRIPOD_NET_GRPC_FRAME_H
#define TRIPOD_NET_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/grpc.h"

/* Before each message: one byte "compressed", four bytes length, big endian. */
#define GRPC_PREFIX 5

void grpc_prefix(char prefix[GRPC_PREFIX], size_t len, bool compressed);
/* Takes a body of exactly one message apart. NULL, or what is wrong with it. */
const char *grpc_unframe(struct slice body, struct slice *message, bool *compressed);

/* "100m" → nanoseconds. */
bool grpc_parse_timeout(struct slice text, int64_t *ns);

/* grpc-message: percent-encoded UTF-8; decoding takes what does not decode as it is. */
void grpc_encode_message(struct buf *to, struct slice message);
void grpc_decode_message(struct buf *to, struct slice text);

/*
 * grpc-status-details-bin: base64 of a google.rpc.Status whose details hold one
 * google.rpc.RetryInfo. Decoding gives the delay in ms, or -1 when none is there.
 */
void grpc_encode_retry(struct buf *to, enum grpc_code code, struct slice message,
		       unsigned retry_after_ms);
int64_t grpc_decode_retry(struct slice text);

#endif
