/*
 * The one vocabulary of failure. Functions that can fail return 0 or a negative
 * enum status and take a last `struct error *` (which may be NULL) that receives a
 * message a user can act on. The edge (net/) maps a status to an HTTP or gRPC code.
 */
#ifndef TRIPOD_BASE_STATUS_H
#define TRIPOD_BASE_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_INVALID = -1, /* the input is wrong; sending it again cannot help */
	STATUS_LIMIT = -2, /* a configured limit was hit */
	STATUS_AGAIN = -3, /* not now; the same request may succeed later */
	STATUS_IO = -4, /* a file, socket or peer failed */
	STATUS_UNSUPPORTED = -5, /* well-formed, but not something Tripod does */
	STATUS_NOT_FOUND = -6,
	STATUS_DENIED = -7, /* known caller, not allowed */
	STATUS_UNAUTHENTICATED = -8,
	STATUS_CANCELLED = -9, /* the caller went away or asked to stop */
	STATUS_TIMEOUT = -10,
	STATUS_CORRUPT = -11, /* stored bytes are not what was written */
	STATUS_NO_MEMORY = -12,
	STATUS_NO_SPACE = -13, /* the disk, or the budget on it, is full */
	STATUS_CONFLICT = -14, /* somebody else holds it */
};

struct error {
	enum status status;
	char message[500];
};

/* Fills `err` (if not NULL) and returns `status`, so that failing is one statement. */
__attribute__((format(printf, 3, 4))) int error_set(struct error *err, enum status status,
						    const char *fmt, ...);

/* Puts "prefix: " before the message that is already there. Returns err->status. */
__attribute__((format(printf, 2, 3))) int error_prefix(struct error *err, const char *fmt, ...);

/* Like error_set with ": " and the text of `errnum` (an errno value) appended. */
__attribute__((format(printf, 4, 5))) int error_set_errno(struct error *err, enum status status,
							  int errnum, const char *fmt, ...);

/* "INVALID", "LIMIT", … for logs. */
const char *status_name(enum status status);

#endif
