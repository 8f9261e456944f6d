/*
 * A made-up web shop: people visit it, its services call each other, and their traces, logs
 * and metrics tell of it. Every twenty minutes the payment provider has a bad time.
 * The same start gives the same telemetry.
 */
#ifndef TRIPOD_APP_SEND_DEMO_H
#define TRIPOD_APP_SEND_DEMO_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "telemetry/signal.h"

#define DEMO_SERVICES 9
#define DEMO_STEP UINT64_C(1000000000) /* ns that one step simulates */

struct demo;

/* Begins at `start`, ns since 1970. */
int demo_new(struct demo **out, uint64_t start, struct error *err);
void demo_free(struct demo *demo);
/* Up to when it was simulated. */
uint64_t demo_time(const struct demo *demo);
/* Simulates DEMO_STEP more. NO_MEMORY. */
int demo_step(struct demo *demo);
/*
 * What the last step gave, as an Export…ServiceRequest; it is valid until the next step.
 * `*records` may be 0: there is nothing to send.
 */
struct slice demo_request(struct demo *demo, enum signal signal, uint64_t *records);

#endif
