/* What becomes of a part once the peer has answered. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "exporters/forward/forwarder_int.h"
#include "telemetry/otlp_check.h"
#include "wire/protobuf.h"

#define COMPLAIN_EVERY (30 * NS_PER_SECOND)
#define QUARANTINE_PAUSE (5 * NS_PER_SECOND) /* after it could not be written */

/* --- counting --------------------------------------------------------------------- */

static void settled(struct forwarder *f, struct part *part, uint64_t delivered,
		    uint64_t quarantined)
{
	struct exporter_ledger *ledger = f->options.ledger;
	atomic_fetch_add(&ledger->delivered, delivered);
	atomic_fetch_add(&ledger->quarantined, quarantined);
	atomic_fetch_sub(&ledger->queued, (long long)(delivered + quarantined));
	part->span->delivered += delivered;
	part->span->quarantined += quarantined;
	part->span->pending--;
	part_free(part);
}

static void note_success(struct forwarder *f)
{
	if (!f->failing)
		return;
	f->failing = false;
	pthread_mutex_lock(&f->lock);
	f->last_error.status = STATUS_OK;
	pthread_mutex_unlock(&f->lock);
	if (f->complained)
		log_info("exporter: delivers again", LOG_STR("exporter", f->name));
	f->complained = false;
}

/* Whether to say it now: a peer that comes and goes shall not fill the log. */
static bool may_complain(int64_t *last)
{
	int64_t now = clock_monotonic_ns();
	if (*last && now - *last < COMPLAIN_EVERY)
		return false;
	*last = now;
	return true;
}

static void note_failure(struct forwarder *f, const char *message)
{
	atomic_fetch_add(&f->options.ledger->attempts_failed, 1);
	pthread_mutex_lock(&f->lock);
	error_set(&f->last_error, STATUS_AGAIN, "%s", message);
	pthread_mutex_unlock(&f->lock);
	f->failing = true;
	if (!may_complain(&f->complained_at))
		return;
	f->complained = true;
	log_warn("exporter: cannot deliver, will try again", LOG_STR("exporter", f->name),
		 LOG_STR("to", f->options.target), LOG_STR("error", message));
}

/* --- giving up -------------------------------------------------------------------- */

/* "otlp-backend-logs-00000000000a2c40-1" */
static void quarantine_id(const struct forwarder *f, const struct part *part, char *out,
			  size_t size)
{
	snprintf(out, size, "%s-%016" PRIx64 "-%" PRIu64, f->name, part->from, part->index);
	for (char *c = out; *c; c++) {
		bool ok = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			  (*c >= '0' && *c <= '9') || *c == '-';
		if (!ok)
			*c = '-';
	}
}

static int put_away(struct forwarder *f, const struct part *part, const char *reason,
		    struct error *err)
{
	char id[PROGRESS_NAME_SIZE + 48], target[300];
	struct chunk *owner;
	struct slice protobuf;
	quarantine_id(f, part, id, sizeof(id));
	snprintf(target, sizeof(target), "%s to %s", signal_name(f->options.filter.signal),
		 f->options.target);
	struct quarantine_entry entry = {.id = id,
					 .exporter = f->options.exporter,
					 .target = target,
					 .reason = reason,
					 .time = clock_unix_ns(),
					 .rows = part->rows};
	int rc = part_protobuf(f, part, &owner, &protobuf, err);
	if (rc < 0)
		return rc;
	rc = quarantine_put(f->options.quarantine, &entry, protobuf, err);
	chunk_unref(owner);
	return rc;
}

/* Tries again later if the quarantine cannot be written: nothing is dropped. */
static void give_up(struct forwarder *f, struct call *call, const char *why)
{
	struct part *part = call->part;
	struct error err;
	char reason[500];
	snprintf(reason, sizeof(reason), "%s%s", why, call->answer.message);
	if (put_away(f, part, reason, &err) < 0) {
		log_error("exporter: cannot put refused records into the quarantine",
			  LOG_STR("exporter", f->name), LOG_STR("error", err.message));
		call->send_at = clock_monotonic_ns() + QUARANTINE_PAUSE;
		atomic_store(&call->state, CALL_WAITS);
		return;
	}
	if (may_complain(&f->gave_up_at))
		log_error("exporter: not delivered; the records are in the quarantine",
			  LOG_STR("exporter", f->name), LOG_INT("records", part->rows),
			  LOG_STR("error", reason));
	settled(f, part, 0, part->rows);
	f->saved_at = 0;
	call_release(call);
}

/* --- halving ---------------------------------------------------------------------- */

/* Where the message can be cut near its middle: between two of its fields. 0: nowhere. */
static size_t cut_point(struct slice protobuf)
{
	struct pb_reader r = pb_reader_of(protobuf);
	size_t best = 0;
	uint32_t tag;
	while (pb_more(&r) && pb_tag(&r, &tag) && pb_skip(&r, tag)) {
		size_t at = (size_t)((const char *)r.pos - protobuf.ptr);
		if (at < protobuf.len && (!best || at <= protobuf.len / 2))
			best = at;
	}
	return best;
}

static struct part *half(struct forwarder *f, const struct part *whole, struct chunk *owner,
			 struct slice protobuf, uint64_t index)
{
	struct error err;
	struct part *part = part_new(f, owner, protobuf, &err);
	if (part) {
		part->span = whole->span;
		part->from = whole->from;
		part->index = index;
	}
	return part;
}

/* Has its halves sent instead; false when it cannot be halved. */
static bool halve(struct forwarder *f, struct part *whole)
{
	struct chunk *owner;
	struct slice protobuf;
	uint32_t records;
	struct error err;
	if (whole->index > UINT64_MAX / 4 || part_protobuf(f, whole, &owner, &protobuf, &err) < 0)
		return false;
	size_t at = cut_point(protobuf);
	struct slice a = {protobuf.ptr, at}, b = {protobuf.ptr + at, protobuf.len - at};
	struct part *first = NULL, *second = NULL;
	if (at && otlp_check(f->options.filter.signal, a, &records, &err) == 0) {
		first = half(f, whole, owner, a, whole->index * 2);
		second = half(f, whole, owner, b, whole->index * 2 + 1);
	}
	chunk_unref(owner);
	if (!first || !second) {
		part_free(first);
		part_free(second);
		return false;
	}
	/* What was accepted may be less than what is there: the decoder's rejects. */
	first->rows = records < whole->rows ? records : whole->rows;
	second->rows = whole->rows - first->rows;
	first->next = second;
	second->next = f->first_parts;
	f->first_parts = first;
	whole->span->pending++;
	return true;
}

static void refused(struct forwarder *f, struct call *call)
{
	struct part *part = call->part;
	if (!halve(f, part)) {
		give_up(f, call, "refused: ");
		return;
	}
	atomic_fetch_add(&f->options.ledger->attempts_failed, 1);
	part_free(part);
	call_release(call);
}

/* --- trying again ----------------------------------------------------------------- */

static double random_part(struct forwarder *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (double)(f->random >> 11) / (double)((uint64_t)1 << 53);
}

/* As the collector's exporterhelper: the wait grows, varies, and is at least what the peer asks for. */
static void retry(struct forwarder *f, struct call *call)
{
	const struct retry_options *options = f->options.retry;
	int64_t now = clock_monotonic_ns();
	note_failure(f, call->answer.message);
	if (!options->enabled) {
		give_up(f, call, "retry_on_failure is off: ");
		return;
	}
	if (!call->interval)
		call->interval = options->initial_interval;
	double vary = 1 + options->randomization_factor * (2 * random_part(f) - 1);
	int64_t wait = (int64_t)((double)call->interval * vary);
	int64_t asked =
		call->answer.retry_after_ms > 0 ? call->answer.retry_after_ms * NS_PER_MS : 0;
	if (wait < asked)
		wait = asked;
	double next = (double)call->interval * options->multiplier;
	call->interval =
		next < (double)options->max_interval ? (int64_t)next : options->max_interval;
	if (options->max_elapsed_time &&
	    now + wait - call->first_sent > options->max_elapsed_time) {
		give_up(f, call, "not delivered within max_elapsed_time: ");
		return;
	}
	call->send_at = now + wait;
	atomic_store(&call->state, CALL_WAITS);
}

static void delivered(struct forwarder *f, struct call *call)
{
	const struct forward_answer *answer = &call->answer;
	note_success(f);
	if (answer->rejected || answer->message[0]) {
		atomic_fetch_add(&f->options.ledger->peer_rejected, answer->rejected);
		log_warn("exporter: the peer has left records out", LOG_STR("exporter", f->name),
			 LOG_INT("records", answer->rejected), LOG_STR("reason", answer->message));
	}
	settled(f, call->part, call->part->rows, 0);
	call_release(call);
}

static void settle(struct forwarder *f, struct call *call)
{
	switch (call->answer.outcome) {
	case FORWARD_DELIVERED:
		delivered(f, call);
		break;
	case FORWARD_RETRY:
		retry(f, call);
		break;
	case FORWARD_REFUSED:
		refused(f, call);
		break;
	case FORWARD_REFUSED_ALL:
		give_up(f, call, "refused: ");
		break;
	}
}

void settle_answers(struct forwarder *f)
{
	pthread_mutex_lock(&f->lock);
	bool any = f->answered;
	f->answered = false;
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; any && i < f->options.calls; i++) {
		if (atomic_load(&f->calls[i].state) == CALL_ANSWERED)
			settle(f, &f->calls[i]);
	}
}
