/* What the demo's shop consists of. */
#ifndef TRIPOD_APP_SEND_DEMO_SHOP_H
#define TRIPOD_APP_SEND_DEMO_SHOP_H

#include "app/send/demo.h"

enum demo_service_id {
	SHOP_FRONTEND,
	SHOP_CATALOG,
	SHOP_CART,
	SHOP_CHECKOUT,
	SHOP_PAYMENT,
	SHOP_INVENTORY,
	SHOP_SHIPPING,
	SHOP_EMAIL,
	SHOP_RECOMMENDATION,
	SHOP_SERVICES
};
_Static_assert(SHOP_SERVICES == DEMO_SERVICES, "the number is public");

struct demo_service {
	const char *name, *language, *runtime, *version, *scope;
	unsigned pods;
	unsigned base_memory_mb;
};
extern const struct demo_service demo_services[SHOP_SERVICES];

/* How one service works for another, which decides kinds and attributes of the spans. */
enum demo_op_kind {
	OP_HTTP, /* a request to the service */
	OP_GRPC,
	OP_SQL, /* the service asks its database: one span */
	OP_CACHE,
	OP_PUBLISH, /* a message, which somebody takes later */
	OP_CONSUME,
};

#define OP_MAX_CALLS 6

struct demo_op {
	enum demo_service_id service;
	enum demo_op_kind kind;
	const char *name; /* route, rpc method, statement, or topic */
	double mean_ms; /* of its own work */
	double error_rate; /* of its own */
	const char *log; /* what it logs when it went well; NULL: nothing. %u: a number */
	const char *error; /* what it says when it went wrong */
	int calls[OP_MAX_CALLS]; /* operations it needs, in order; ends with -1 */
};
extern const struct demo_op demo_ops[];

/* What people do, and how often. */
struct demo_visit {
	int op;
	unsigned weight;
};
extern const struct demo_visit demo_visits[];
#define DEMO_VISITS 6
#define OP_CHARGE 10 /* the operation of the payment provider, which has bad times */

#endif
