#include "api/access.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/address.h"

#define HASH_SIZE crypto_generichash_BYTES
/* Longer than any token; a credential beyond it is none. */
#define MAX_CREDENTIAL 4096

struct known_token {
	uint8_t hash[HASH_SIZE];
	char *name;
	enum access_role role;
};

/* An address as IPv6, IPv4 ones mapped (RFC 4291 §2.5.5.2), and how many bits of it count. */
struct network {
	uint8_t address[16];
	unsigned bits;
};

struct access {
	uint8_t key[crypto_generichash_KEYBYTES];
	struct known_token *tokens;
	size_t token_count;
	struct network *networks;
	size_t network_count;
	enum access_role anonymous; /* ACCESS_OPEN: nobody is */
};

static enum access_role role_of(enum auth_role role)
{
	static const enum access_role roles[] = {[AUTH_INGEST] = ACCESS_INGEST,
						 [AUTH_READ] = ACCESS_READ,
						 [AUTH_ADMIN] = ACCESS_ADMIN};
	return roles[role];
}

/* --- networks ----------------------------------------------------------------------- */

static bool parse_ip(const char *text, uint8_t out[16], bool *is_v4)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct in_addr v4;
	*is_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (!*is_v4)
		return inet_pton(AF_INET6, text, out) == 1;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + 12, &v4, 4);
	return true;
}

static bool parse_network(const char *text, struct network *out)
{
	char address[64];
	bool is_v4;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!parse_ip(address, out->address, &is_v4))
		return false;
	unsigned long bits = slash ? strtoul(slash + 1, NULL, 10) : is_v4 ? 32 : 128;
	out->bits = (unsigned)bits + (is_v4 ? 96 : 0);
	return out->bits <= 128;
}

static bool contains(const struct network *network, const uint8_t address[16])
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	if (memcmp(network->address, address, whole) != 0)
		return false;
	return !rest || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* "10.0.0.1:51234", "[fd00::1]:51234", also without brackets. */
static bool parse_peer(const char *peer, uint8_t out[16])
{
	char text[64];
	bool is_v4;
	const char *colon = strrchr(peer, ':');
	bool bracket = *peer == '[';
	if (!colon || colon == peer)
		return false;
	size_t len = (size_t)(colon - peer);
	if (bracket && (len < 2 || peer[len - 1] != ']'))
		return false;
	peer += bracket;
	len -= bracket ? 2 : 0;
	/* A link-local address carries its interface. */
	const char *zone = memchr(peer, '%', len);
	if (zone)
		len = (size_t)(zone - peer);
	if (len >= sizeof(text))
		return false;
	memcpy(text, peer, len);
	text[len] = '\0';
	return parse_ip(text, out, &is_v4);
}

/* --- tokens ------------------------------------------------------------------------- */

static void hash_token(const struct access *a, struct slice token, uint8_t out[HASH_SIZE])
{
	crypto_generichash(out, HASH_SIZE, (const uint8_t *)token.ptr, token.len, a->key,
			   sizeof(a->key));
}

static const struct known_token *find_token(const struct access *a, struct slice token)
{
	uint8_t hash[HASH_SIZE];
	const struct known_token *found = NULL;
	hash_token(a, token, hash);
	/* Through to the end, so that time tells nothing. */
	for (size_t i = 0; i < a->token_count; i++) {
		if (sodium_memcmp(hash, a->tokens[i].hash, HASH_SIZE) == 0)
			found = &a->tokens[i];
	}
	return found;
}

static bool take_scheme(struct slice header, const char *scheme, struct slice *rest)
{
	size_t len = strlen(scheme);
	if (header.len <= len || strncasecmp(header.ptr, scheme, len) != 0 ||
	    header.ptr[len] != ' ')
		return false;
	while (len < header.len && header.ptr[len] == ' ')
		len++;
	*rest = (struct slice){header.ptr + len, header.len - len};
	while (rest->len && rest->ptr[rest->len - 1] == ' ')
		rest->len--;
	return true;
}

/* The password of base64("user:password") (RFC 7617). */
static int take_password(struct slice encoded, char plain[MAX_CREDENTIAL], struct slice *out,
			 struct error *err)
{
	size_t len;
	const char *end;
	if (sodium_base642bin((uint8_t *)plain, MAX_CREDENTIAL, encoded.ptr, encoded.len, NULL,
			      &len, &end, sodium_base64_VARIANT_ORIGINAL) ||
	    end != encoded.ptr + encoded.len)
		return error_set(err, STATUS_UNAUTHENTICATED,
				 "the credentials of basic authentication are not base64");
	const char *colon = memchr(plain, ':', len);
	if (!colon)
		return error_set(err, STATUS_UNAUTHENTICATED,
				 "basic authentication has no ':' before its password");
	*out = (struct slice){colon + 1, len - (size_t)(colon + 1 - plain)};
	return 0;
}

/* The token that was sent; empty when there is none. */
static int find_credential(const struct access_caller *caller, char plain[MAX_CREDENTIAL],
			   struct slice *out, struct error *err)
{
	struct slice rest;
	*out = (struct slice){0};
	if (caller->authorization.len) {
		if (take_scheme(caller->authorization, "Bearer", out))
			return 0;
		if (take_scheme(caller->authorization, "Basic", &rest))
			return take_password(rest, plain, out, err);
		return error_set(err, STATUS_UNAUTHENTICATED,
				 "the Authorization header is neither Bearer nor Basic");
	}
	*out = caller->clickhouse_key.len ? caller->clickhouse_key : caller->password_param;
	return 0;
}

int access_decide(const struct access *a, const struct access_caller *caller, const char **name,
		  struct error *err)
{
	char plain[MAX_CREDENTIAL];
	uint8_t address[16];
	struct slice token;
	if (name)
		*name = NULL;
	int rc = find_credential(caller, plain, &token, err);
	if (rc)
		return rc;
	/* Clients of ClickHouse send a user and an empty password when they have none. */
	if (token.len) {
		const struct known_token *known = find_token(a, token);
		if (!known)
			return error_set(err, STATUS_UNAUTHENTICATED, "the token is not known");
		if (name)
			*name = known->name;
		return known->role;
	}
	if (a->anonymous != ACCESS_OPEN && parse_peer(caller->peer, address)) {
		for (size_t i = 0; i < a->network_count; i++) {
			if (contains(&a->networks[i], address))
				return a->anonymous;
		}
	}
	return error_set(
		err, STATUS_UNAUTHENTICATED,
		"this needs a token: send 'Authorization: Bearer TOKEN', or Basic with the "
		"token as password");
}

/* --- the hook ----------------------------------------------------------------------- */

static int authorize(struct http_request *req, void *ctx, struct error *err)
{
	struct access_caller caller = {
		.authorization = http_request_header(req, "authorization"),
		.clickhouse_key = http_request_header(req, "x-clickhouse-key"),
		.peer = http_request_peer(req),
	};
	/* A secret in a URL ends up in logs, so only where clients know nothing else. */
	struct slice path = http_request_path(req);
	if (slice_eq_cstr(path, "/") || slice_starts_with(path, SLICE("/clickhouse")))
		caller.password_param = http_request_param(req, "password");
	return access_decide(ctx, &caller, NULL, err);
}

void access_guard(const struct access *access, struct http_server_options *listener)
{
	bool loopback = address_is_loopback(listener->address);
	listener->authorize = loopback ? NULL : authorize;
	listener->authorize_ctx = loopback ? NULL : (void *)access;
	listener->check_host = loopback;
}

/* --- life --------------------------------------------------------------------------- */

static int add_tokens(struct access *a, const struct auth_options *o)
{
	a->tokens = calloc(o->tokens_count + 1, sizeof(*a->tokens));
	if (!a->tokens)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < o->tokens_count; i++) {
		struct known_token *token = &a->tokens[a->token_count++];
		token->role = role_of(o->tokens[i].role);
		token->name = strdup(o->tokens[i].name);
		if (!token->name)
			return STATUS_NO_MEMORY;
		hash_token(a, slice_of(o->tokens[i].token), token->hash);
	}
	return 0;
}

static int add_networks(struct access *a, const struct auth_options *o, struct error *err)
{
	if (!o->has_anonymous)
		return 0;
	a->networks = calloc(o->anonymous.from_count + 1, sizeof(*a->networks));
	if (!a->networks)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the access rules");
	for (size_t i = 0; i < o->anonymous.from_count; i++) {
		if (!parse_network(o->anonymous.from[i], &a->networks[a->network_count++]))
			return error_set(err, STATUS_INVALID,
					 "auth.anonymous.from: %s is not a network",
					 o->anonymous.from[i]);
	}
	a->anonymous = role_of(o->anonymous.role);
	return 0;
}

int access_new(struct access **out, const struct auth_options *options, struct error *err)
{
	if (sodium_init() < 0)
		return error_set(err, STATUS_IO, "libsodium cannot be initialised");
	struct access *a = calloc(1, sizeof(*a));
	if (!a)
		return error_set(err, STATUS_NO_MEMORY, "no memory for the access rules");
	randombytes_buf(a->key, sizeof(a->key));
	int rc = add_tokens(a, options);
	if (rc)
		error_set(err, STATUS_NO_MEMORY, "no memory for the access rules");
	else
		rc = add_networks(a, options, err);
	if (rc)
		access_free(a);
	else
		*out = a;
	return rc;
}

void access_free(struct access *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->token_count; i++)
		free(a->tokens[i].name);
	free(a->tokens);
	free(a->networks);
	sodium_memzero(a, sizeof(*a));
	free(a);
}
