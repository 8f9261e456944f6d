#include "api/engine_metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/client.h"

#define MAX_AGE_NS (5 * NS_PER_SECOND)
#define TIMEOUT_MS 3000
#define ANSWER_LIMIT ((size_t)64 << 10)

struct engine_metrics {
	struct store_client *client;
	const char *database;
	pthread_mutex_t lock; /* held while asking: who comes meanwhile gets the same answer */
	int64_t asked_ns; /* 0: never */
	struct engine_numbers last;
};

/* A kind of line each: "m", name, value; "t", table, parts, rows, bytes. */
static const char sql[] =
	"SELECT 'm', metric, toUInt64(greatest(value, 0)), 0, 0 FROM system.metrics "
	"WHERE metric IN ('Query', 'Merge', 'MemoryTracking') "
	"UNION ALL "
	"SELECT * FROM (SELECT 't', table, count(), sum(rows), sum(bytes_on_disk) "
	"FROM system.parts WHERE active AND database = {database:String} "
	"GROUP BY table ORDER BY table LIMIT 64) FORMAT TSVRaw";

struct engine_metrics *engine_metrics_new(struct store_client *client, const char *database)
{
	struct engine_metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->client = client;
	m->database = database;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void engine_metrics_free(struct engine_metrics *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void take_metric(struct engine_numbers *out, const char *name, uint64_t value)
{
	if (!strcmp(name, "Query"))
		out->queries = value;
	else if (!strcmp(name, "Merge"))
		out->merges = value;
	else if (!strcmp(name, "MemoryTracking"))
		out->memory = value;
}

static void take_line(struct engine_numbers *out, char *line)
{
	char *fields[5], *rest = line;
	for (int i = 0; i < 5; i++) {
		fields[i] = strsep(&rest, "\t");
		if (!fields[i])
			return;
	}
	uint64_t numbers[3];
	for (int i = 0; i < 3; i++)
		numbers[i] = strtoull(fields[i + 2], NULL, 10);
	if (*fields[0] == 'm') {
		take_metric(out, fields[1], numbers[0]);
	} else if (out->table_count < ENGINE_METRICS_MAX_TABLES) {
		struct engine_table *table = &out->tables[out->table_count++];
		snprintf(table->name, sizeof(table->name), "%s", fields[1]);
		table->parts = numbers[0];
		table->rows = numbers[1];
		table->bytes = numbers[2];
	}
}

static void ask(struct engine_metrics *m)
{
	const struct store_option options[] = {{"param_database", m->database}};
	struct buf answer;
	buf_init_limited(&answer, ANSWER_LIMIT);
	m->last = (struct engine_numbers){.known = false};
	if (store_query(m->client, sql, options, 1, TIMEOUT_MS, &answer, NULL) == 0 &&
	    !answer.failed) {
		/* Terminated, and ours to cut up. */
		buf_append_byte(&answer, '\0');
		m->last.known = !answer.failed;
		for (char *rest = answer.data; rest && *rest;)
			take_line(&m->last, strsep(&rest, "\n"));
	}
	buf_release(&answer);
	m->asked_ns = clock_monotonic_ns();
}

void engine_metrics_get(struct engine_metrics *m, struct engine_numbers *out)
{
	pthread_mutex_lock(&m->lock);
	if (!m->asked_ns || clock_monotonic_ns() - m->asked_ns > MAX_AGE_NS)
		ask(m);
	*out = m->last;
	pthread_mutex_unlock(&m->lock);
}
