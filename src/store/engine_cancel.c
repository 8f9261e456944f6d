#include <time.h>

#include "store/engine_int.h"
#include "store/exception.h"

/* A KILL that comes before the statement is registered finds nothing: so again and again. */
#define RETRY_NS 20000000L

int running_enter(struct engine *e, struct job_entry *entry, struct error *err)
{
	int rc = 0;
	pthread_mutex_lock(&e->lock);
	for (struct job_entry *other = e->running; other && rc == 0; other = other->next) {
		if (strcmp(other->id, entry->id) == 0)
			rc = exception_set(err, EXCEPTION_SAME_ID_RUNNING,
					   "Query with id = %s is already running", entry->id);
	}
	if (rc == 0) {
		entry->next = e->running;
		entry->stop = e->closing || bridge_is_gone(entry->bridge);
		e->running = entry;
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
	return rc;
}

void running_leave(struct engine *e, struct job_entry *entry)
{
	pthread_mutex_lock(&e->lock);
	for (struct job_entry **at = &e->running; *at; at = &(*at)->next) {
		if (*at == entry) {
			*at = entry->next;
			break;
		}
	}
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

void running_cancel(struct engine *e, struct bridge *bridge)
{
	pthread_mutex_lock(&e->lock);
	for (struct job_entry *entry = e->running; entry; entry = entry->next) {
		if (entry->bridge == bridge) {
			entry->stop = true;
			pthread_cond_broadcast(&e->changed);
		}
	}
	pthread_mutex_unlock(&e->lock);
}

/* KILL … for all that are to stop; an empty text when there are none. Lock held. */
static void kill_statement(const struct engine *e, struct buf *sql)
{
	buf_clear(sql);
	for (const struct job_entry *entry = e->running; entry; entry = entry->next) {
		if (!entry->stop)
			continue;
		buf_append_cstr(sql, sql->len ? ", '"
					      : "KILL QUERY WHERE Settings['log_comment'] IN ('");
		for (const char *at = entry->id; *at; at++) {
			if (*at == '\'' || *at == '\\')
				buf_append_byte(sql, '\\');
			buf_append_byte(sql, (uint8_t)*at);
		}
		buf_append_byte(sql, '\'');
	}
	if (sql->len)
		buf_append_cstr(sql, ") ASYNC");
}

static void *canceller(void *arg)
{
	struct engine *e = arg;
	struct chdb_session *session = NULL;
	struct error err;
	struct buf sql = BUF_INIT;
	pthread_mutex_lock(&e->lock);
	for (;;) {
		kill_statement(e, &sql);
		if (!sql.len) {
			if (e->closing && !e->running)
				break;
			pthread_cond_wait(&e->changed, &e->lock);
			continue;
		}
		pthread_mutex_unlock(&e->lock);
		if (!session && chdb_session_open(&session, e->chdb, (struct slice){0}, &err))
			session = NULL;
		if (session && !sql.failed)
			chdb_session_run(session, buf_slice(&sql), &err);
		nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	chdb_session_close(session, false);
	buf_release(&sql);
	return NULL;
}

int canceller_start(struct engine *e, struct error *err)
{
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	int rc = pthread_create(&e->canceller, NULL, canceller, e);
	e->canceller_started = rc == 0;
	return rc ? error_set_errno(err, STATUS_NO_MEMORY, rc, "cannot start a thread") : 0;
}

void canceller_stop(struct engine *e)
{
	if (!e->canceller_started)
		return;
	pthread_mutex_lock(&e->lock);
	e->closing = true;
	for (struct job_entry *entry = e->running; entry; entry = entry->next)
		entry->stop = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->canceller, NULL);
	e->canceller_started = false;
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
}
