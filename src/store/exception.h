/*
 * ClickHouse's exception codes, as far as Tripod acts on them: what an INSERT that ended
 * with one means for its rows, and the HTTP status that ClickHouse's interface gives it.
 *
 * Source: ClickHouse's src/Common/ErrorCodes.cpp (numbers, names) and
 * src/Server/HTTP/exceptionCodeToHTTPStatus.cpp (statuses).
 */
#ifndef TRIPOD_STORE_EXCEPTION_H
#define TRIPOD_STORE_EXCEPTION_H

#include "base/slice.h"
#include "base/status.h"
#include "store/client.h"

/* The codes that the code names. */
enum exception_code {
	EXCEPTION_BAD_ARGUMENTS = 36,
	EXCEPTION_NOT_IMPLEMENTED = 48,
	EXCEPTION_UNKNOWN_DATABASE = 81,
	EXCEPTION_UNKNOWN_SETTING = 115,
	EXCEPTION_INCORRECT_DATA = 117,
	EXCEPTION_READONLY = 164,
	EXCEPTION_QUERY_IS_TOO_LARGE = 229,
	EXCEPTION_SYNTAX_ERROR = 62,
	EXCEPTION_TIMEOUT_EXCEEDED = 159,
	EXCEPTION_TOO_MANY_QUERIES = 202,
	EXCEPTION_SAME_ID_RUNNING = 216,
	EXCEPTION_QUERY_WAS_CANCELLED = 394,
	EXCEPTION_ACCESS_DENIED = 497,
	EXCEPTION_UNKNOWN = 1002,
};

/* "SYNTAX_ERROR"; "" for a code that is not in the table. */
const char *exception_name(int code);
/* The HTTP status ClickHouse answers with; 500 for a code that is not in the table. */
int exception_http_status(int code);
/*
 * What an INSERT that ended with this code means. The default, for a code that is not in
 * the table, is STORE_NOT_STORED: the server refused it as a whole, and it is sent again
 * until the codes that blame the rows, or the age limit, end it.
 */
enum store_outcome exception_outcome(int code);
/* How a query that ended with this code is reported: TIMEOUT, LIMIT, NOT_FOUND, … or INVALID. */
enum status exception_status(int code);

/* The number in "Code: N. DB::Exception: …" (also "Code: N, e.displayText()"); 0 if there is none. */
int exception_code_of(struct slice message);

/* Fills `err` with "Code: N. DB::Exception: <fmt>. (NAME)" and returns INVALID. */
__attribute__((format(printf, 3, 4))) int exception_set(struct error *err, int code,
							const char *fmt, ...);

#endif
