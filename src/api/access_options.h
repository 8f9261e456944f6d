/* The sections `auth`, `ui` and `query`: who may do what, and where. */
#ifndef TRIPOD_API_ACCESS_OPTIONS_H
#define TRIPOD_API_ACCESS_OPTIONS_H

#include "net/tls_options.h"

enum auth_role { AUTH_INGEST, AUTH_READ, AUTH_ADMIN };

struct auth_token {
	const char *name; /* for the log: who it was */
	const char *token;
	enum auth_role role;
};

/* What callers without a token may do, by their address. */
struct auth_anonymous {
	enum auth_role role;
	const char *const *from; /* networks, at least one */
	size_t from_count;
};

struct auth_options {
	const struct auth_token *tokens;
	size_t tokens_count;
	bool has_anonymous;
	struct auth_anonymous anonymous;
};

struct ui_options {
	const char *endpoint; /* NULL: off */
	bool has_tls;
	struct tls_listen_options tls;
	const char *const *allowed_hosts; /* Host names beside loopback's */
	size_t allowed_hosts_count;
};

/* Of one query of a user's; 0: no limit. */
struct query_limits {
	int64_t max_execution_time; /* ns */
	uint64_t max_memory_usage; /* bytes */
	int64_t max_result_rows;
	int64_t max_concurrent; /* queries of all users at once */
};

struct query_options {
	const char *endpoint; /* ClickHouse's HTTP interface; NULL: off */
	bool has_tls;
	struct tls_listen_options tls;
	struct query_limits limits;
};

extern const struct option_table auth_option_table;
extern const struct option_table ui_option_table;
extern const struct option_table query_option_table;

#endif
