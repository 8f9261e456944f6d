/*
 * One OTLP Export call, whatever it came over: to protobuf, into the durable log, and back
 * to the loop it came from with an answer.
 *
 * Source: OTLP specification 1.x, "OTLP/gRPC" and "OTLP/HTTP".
 */
#ifndef TRIPOD_RECEIVERS_OTLP_EXPORT_H
#define TRIPOD_RECEIVERS_OTLP_EXPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/loop.h"
#include "pipeline/intake.h"

#define OTLP_RETRY_SECONDS 1 /* what a sender that is refused is told to wait */

struct otlp_export {
	struct submission submission;
	struct loop *loop;
	struct loop_task task; /* brings it back to the loop */
	const struct intake *intake;
	void *request; /* the transport's */
	bool json; /* the sender's encoding, and the answer's */
	bool failed;
	struct error error; /* failed: why */
	/* Answers the sender and frees the export with otlp_export_free; on the loop's thread. */
	void (*answer)(struct otlp_export *export);
};

/*
 * Begins an export of `bytes`, which `body` holds. `answer` is called later, on `loop`, in any
 * case but one: out of memory, when this returns NO_MEMORY at once. Other errors are told by
 * `answer` with failed set.
 */
int otlp_export_begin(const struct intake *intake, struct loop *loop, struct chunk *body,
		      struct slice bytes, enum compress_encoding coding, bool json, void *request,
		      void (*answer)(struct otlp_export *export));
void otlp_export_free(struct otlp_export *export);

/* The answer to an export that did not fail: an ExportXServiceResponse, in protobuf or JSON. */
void otlp_export_response(const struct otlp_export *export, struct buf *out);

/* google.rpc.Status with a code of gRPC and the error's message, in protobuf or JSON. */
void otlp_status(const struct error *err, int grpc_code, bool json, struct buf *out);

/* True for failures after which the same request may succeed: the sender is told to retry. */
bool otlp_is_retryable(enum status status);

#endif
