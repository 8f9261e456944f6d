/*
 * Who may do what: the roles of callers, from the tokens and networks of the section `auth`.
 *
 * A loopback listener asks for nothing and ignores credentials that are sent anyway; it
 * checks Host and Origin instead (net/http.h). On any other a caller is who its token says:
 * a bearer token, or the password of basic authentication, or ClickHouse's X-ClickHouse-Key
 * header or `password` parameter. Without one it is anonymous, if its network may be.
 */
#ifndef TRIPOD_API_ACCESS_H
#define TRIPOD_API_ACCESS_H

#include "api/access_options.h"
#include "base/slice.h"
#include "base/status.h"
#include "net/http.h"

struct access;

/* Tokens are kept as keyed hashes; `options` is not needed afterwards. */
int access_new(struct access **out, const struct auth_options *options, struct error *err);
void access_free(struct access *access);

/*
 * Sets `authorize`, `authorize_ctx` and `check_host` of a listener's options, by its
 * address. `access` must live as long as the listener.
 */
void access_guard(const struct access *access, struct http_server_options *listener);

/* What a caller sends. ptr NULL: not there. */
struct access_caller {
	struct slice authorization, clickhouse_key, password_param;
	const char *peer; /* as http_request_peer */
};

/*
 * The role (enum access_role), or UNAUTHENTICATED: no token and not anonymous, or one that is
 * not known. Comparing takes the same time whatever is sent. `*name` (may be NULL): who it
 * is, or NULL.
 */
int access_decide(const struct access *access, const struct access_caller *caller,
		  const char **name, struct error *err);

#endif
