#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum status status, const char *fmt, ...)
{
	if (!err)
		return status;
	va_list ap;
	va_start(ap, fmt);
	err->status = status;
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return status;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	if (!err)
		return STATUS_INVALID;
	char old[sizeof(err->message)];
	memcpy(old, err->message, sizeof(old));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->message))
		snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s", old);
	return err->status;
}

int error_set_errno(struct error *err, enum status status, int errnum, const char *fmt, ...)
{
	if (!err)
		return status;
	va_list ap;
	va_start(ap, fmt);
	err->status = status;
	int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->message)) {
		char text[128];
		snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s",
			 strerror_r(errnum, text, sizeof(text)));
	}
	return status;
}

const char *status_name(enum status status)
{
	switch (status) {
	case STATUS_OK:
		return "OK";
	case STATUS_INVALID:
		return "INVALID";
	case STATUS_LIMIT:
		return "LIMIT";
	case STATUS_AGAIN:
		return "AGAIN";
	case STATUS_IO:
		return "IO";
	case STATUS_UNSUPPORTED:
		return "UNSUPPORTED";
	case STATUS_NOT_FOUND:
		return "NOT_FOUND";
	case STATUS_DENIED:
		return "DENIED";
	case STATUS_UNAUTHENTICATED:
		return "UNAUTHENTICATED";
	case STATUS_CANCELLED:
		return "CANCELLED";
	case STATUS_TIMEOUT:
		return "TIMEOUT";
	case STATUS_CORRUPT:
		return "CORRUPT";
	case STATUS_NO_MEMORY:
		return "NO_MEMORY";
	case STATUS_NO_SPACE:
		return "NO_SPACE";
	case STATUS_CONFLICT:
		return "CONFLICT";
	}
	return "UNKNOWN";
}
