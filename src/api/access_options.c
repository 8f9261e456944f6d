#include "api/access_options.h"

#include "base/address.h"

#define SHORTEST_TOKEN 16

static const char *const roles[] = {"ingest", "read", "admin", NULL};

static const struct option token_options[] = {
	{OPTION(STRING, struct auth_token, name), .flags = OPTION_REQUIRED, .example = "checkout",
	 .doc = "Who uses it; shown in the log."},
	{OPTION(STRING, struct auth_token, token), .flags = OPTION_REQUIRED | OPTION_SECRET,
	 .example = "${env:TRIPOD_TOKEN}",
	 .doc = "The secret: sent as bearer token, or as the password of basic authentication."},
	{OPTION_CHOICE(struct auth_token, role, roles), .flags = OPTION_REQUIRED,
	 .example = "ingest", .doc = "ingest may send, read may also query, admin may do all."},
};

static void check_token(const void *value, struct option_check *check)
{
	const struct auth_token *token = value;
	if (strlen(token->token) < SHORTEST_TOKEN)
		option_wrong(check, "token",
			     "expected at least %d characters, such as those of "
			     "`openssl rand -hex 24`",
			     SHORTEST_TOKEN);
}

static const struct option_table token_table = {OPTION_TABLE_OF(struct auth_token, token_options),
						.check = check_token};

static const struct option anonymous_options[] = {
	{OPTION_CHOICE(struct auth_anonymous, role, roles), .flags = OPTION_REQUIRED,
	 .example = "ingest", .doc = "What they may do."},
	{OPTION_LIST(struct auth_anonymous, from), .flags = OPTION_REQUIRED,
	 .expected = network_expected, .example = "[10.0.0.0/8]",
	 .doc = "Networks that they may come from."},
};

static void check_anonymous(const void *value, struct option_check *check)
{
	const struct auth_anonymous *anonymous = value;
	if (!anonymous->from_count)
		option_wrong(check, "from", "expected at least one network such as 10.0.0.0/8");
	for (size_t i = 0; i < anonymous->from_count; i++) {
		const char *network = anonymous->from[i];
		if (!strcmp(network, "0.0.0.0/0") || !strcmp(network, "::/0"))
			option_doubtful(check, "from",
					"%s is everybody: anyone who reaches this machine has "
					"the role %s",
					network, roles[anonymous->role]);
	}
}

static const struct option_table anonymous_table = {
	OPTION_TABLE_OF(struct auth_anonymous, anonymous_options), .check = check_anonymous};

static const struct option auth_options[] = {
	{OPTION_ROWS(struct auth_options, tokens, token_table),
	 .doc = "Who may do what on listeners that other machines reach. On loopback no login is "
		"asked."},
	{OPTION_NESTED_OPTIONAL(struct auth_options, anonymous, anonymous_table),
	 .doc = "What callers without a token may do."},
};

static void check_auth(const void *value, struct option_check *check)
{
	const struct auth_options *auth = value;
	char key[64];
	for (size_t i = 0; i < auth->tokens_count; i++) {
		const struct auth_token *token = &auth->tokens[i];
		for (size_t j = 0; j < i; j++) {
			const struct auth_token *before = &auth->tokens[j];
			if (!strcmp(token->name, before->name)) {
				snprintf(key, sizeof(key), "tokens[%zu].name", i);
				option_wrong(check, key, "%s is there twice", token->name);
			}
			if (!strcmp(token->token, before->token)) {
				snprintf(key, sizeof(key), "tokens[%zu].token", i);
				option_wrong(check, key, "the same secret as that of %s",
					     before->name);
			}
		}
	}
}

const struct option_table auth_option_table = {OPTION_TABLE_OF(struct auth_options, auth_options),
					       .check = check_auth};

static const char *host_expected(const char *text)
{
	bool plain = text[0] && !strpbrk(text, " /@?#");
	return plain ? NULL : "a host name such as tripod.example.com";
}

static const struct option ui_options[] = {
	{OPTION(STRING, struct ui_options, endpoint), .flags = OPTION_LISTEN,
	 .initial = "127.0.0.1:3000", .expected = address_expected, .zero = "off",
	 .doc = "Address of the web page and of the APIs beside it."},
	{OPTION_NESTED_OPTIONAL(struct ui_options, tls, tls_listen_option_table),
	 .doc = "Listen with TLS."},
	{OPTION_LIST(struct ui_options, allowed_hosts), .expected = host_expected,
	 .doc = "Host names under which browsers may reach a loopback listener, for instance "
		"through a proxy."},
};
const struct option_table ui_option_table = {OPTION_TABLE_OF(struct ui_options, ui_options)};

static const struct option limit_options[] = {
	{OPTION(DURATION, struct query_limits, max_execution_time), .initial = "30s",
	 .doc = "Time a query may take; 0: no limit."},
	{OPTION(BYTES, struct query_limits, max_memory_usage), .initial = "1GiB",
	 .doc = "Memory a query may use; 0: no limit but the engine's."},
	{OPTION(INT, struct query_limits, max_result_rows), .initial = "1000000", .most = INT64_MAX,
	 .doc = "Rows an answer may have; 0: no limit."},
	{OPTION(INT, struct query_limits, max_concurrent), .initial = "16", .least = 1,
	 .most = 10000, .doc = "Queries that run at once; others wait."},
};
static const struct option_table limit_table = {
	OPTION_TABLE_OF(struct query_limits, limit_options)};

static const struct option query_options[] = {
	{OPTION(STRING, struct query_options, endpoint), .flags = OPTION_LISTEN,
	 .initial = "127.0.0.1:8123", .expected = address_expected, .zero = "off",
	 .doc = "Address of ClickHouse's HTTP interface, read-only, for SQL."},
	{OPTION_NESTED_OPTIONAL(struct query_options, tls, tls_listen_option_table),
	 .doc = "Listen with TLS."},
	{OPTION_NESTED(struct query_options, limits, limit_table),
	 .doc = "What a user's query may cost."},
};
const struct option_table query_option_table = {
	OPTION_TABLE_OF(struct query_options, query_options)};
