#include "pipeline/intake.h"

#include <string.h>

#include <xxhash.h>

uint64_t component_hash(const char *id)
{
	return XXH3_64bits(id, strlen(id));
}

static void add(atomic_ullong *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static enum refuse_reason refuse_reason_of(enum status status)
{
	switch (status) {
	case STATUS_NO_SPACE:
	case STATUS_LIMIT:
		return REFUSE_LOG_FULL;
	case STATUS_AGAIN:
		return REFUSE_SHUTDOWN;
	default:
		return REFUSE_LOG_FAILED;
	}
}

/* The decoded rows did not get into the log. */
static void count_refused(const struct intake *intake, uint32_t rows, enum status status)
{
	add(&intake->ledger->refused[refuse_reason_of(status)], rows);
}

static void on_appended(struct record *record, const struct error *err, void *arg)
{
	struct submission *submission = arg;
	const struct intake *intake = submission->intake;
	if (err) {
		submission->accepted = 0;
		count_refused(intake, record->rows, err->status);
	} else {
		add(&intake->ledger->accepted, record->rows);
		for (unsigned i = 0; i < intake->exporter_count; i++) {
			add(&intake->exporters[i]->accepted, record->rows);
			atomic_fetch_add_explicit(&intake->exporters[i]->queued, record->rows,
						  memory_order_relaxed);
		}
	}
	submission->done(submission, err);
}

static void count_received(const struct intake *intake, const struct submission *submission,
			   uint32_t rows)
{
	add(&intake->ledger->received, rows + submission->rejects.total);
	for (int reason = 0; reason < REJECT_REASON_COUNT; reason++) {
		if (submission->rejects.count[reason])
			add(&intake->ledger->rejected[reason], submission->rejects.count[reason]);
	}
}

static uint64_t expire_before(const struct intake *intake, uint64_t now)
{
	return intake->retention && now > intake->retention ? now - intake->retention : 0;
}

int intake_submit(const struct intake *intake, struct submission *submission, struct error *err)
{
	add(&intake->ledger->requests, 1);
	add(&intake->ledger->bytes, submission->bytes.len);
	int rc = intake->admit ? intake->admit(intake->admit_ctx, err) : 0;
	if (rc < 0)
		return rc;
	struct record *record = record_new(intake->records, intake->signal);
	if (!record)
		return error_set(err, STATUS_AGAIN, "out of memory");
	record->receiver = intake->receiver;
	record->received_time = submission->received_time;
	record->expire_before = expire_before(intake, submission->received_time);
	if (intake->raw)
		rc = record_check(record, submission->body, submission->bytes, submission->coding,
				  intake->max_plain, err);
	else
		rc = record_decode(record, submission->body, submission->bytes, submission->coding,
				   intake->max_plain, &submission->rejects, err);
	if (rc < 0) {
		add(&intake->ledger->malformed_requests, 1);
		record_unref(record);
		return rc;
	}
	count_received(intake, submission, record->rows);
	submission->intake = intake;
	submission->accepted = record->rows;
	if (record->rows == 0) {
		record_unref(record);
		submission->done(submission, NULL);
		return 0;
	}
	record->done = on_appended;
	record->done_arg = submission;
	uint32_t rows = record->rows;
	rc = wal_append(intake->wal, record, err);
	if (rc < 0)
		count_refused(intake, rows, (enum status)rc);
	record_unref(record);
	return rc;
}
