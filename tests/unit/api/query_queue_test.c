#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "api/query_queue.h"
#include "base/clock.h"

#define MAX_TICKETS 64

/* Queries that wait at a gate, and the order in which they ran. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int order[MAX_TICKETS], ran;
	int at_once, most;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct test_query {
	struct query_ticket ticket;
	int number;
};

static void run(struct query_ticket *ticket)
{
	const struct test_query *q = (struct test_query *)ticket;
	pthread_mutex_lock(&gate.lock);
	if (++gate.at_once > gate.most)
		gate.most = gate.at_once;
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.order[gate.ran++] = q->number;
	gate.at_once--;
	pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static int set_up(void **state)
{
	gate.open = false;
	gate.ran = gate.at_once = gate.most = 0;
	return 0;
}

static struct test_query make(int number, uint64_t caller)
{
	return (struct test_query){.ticket = {.caller = caller, .run = run}, .number = number};
}

static void assert_stats(struct query_queue *queue, unsigned running, unsigned waiting)
{
	struct query_queue_stats stats;
	query_queue_stats(queue, &stats);
	assert_int_equal(stats.running, running);
	assert_int_equal(stats.waiting, waiting);
}

static void callers_take_turns(void **state)
{
	static const int expected[] = {0, 1, 11, 21, 2, 12, 3, 4};
	static const struct {
		int number;
		uint64_t caller;
	} list[] = {{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {11, 2}, {12, 2}, {21, 3}};
	struct query_queue *queue =
		query_queue_new(&(struct query_queue_options){.max_running = 1});
	struct test_query queries[8];
	struct error err;
	for (int i = 0; i < 8; i++) {
		queries[i] = make(list[i].number, list[i].caller);
		assert_int_equal(query_queue_submit(queue, &queries[i].ticket, &err), 0);
	}
	assert_stats(queue, 1, 7);
	open_gate();
	query_queue_free(queue);
	assert_int_equal(gate.ran, 8);
	assert_memory_equal(gate.order, expected, sizeof(expected));
	assert_int_equal(gate.most, 1);
}

static void too_many_are_refused(void **state)
{
	struct query_queue *queue = query_queue_new(&(struct query_queue_options){
		.max_running = 2, .max_waiting = 5, .max_waiting_each = 3});
	struct test_query queries[10];
	struct error err;
	for (int i = 0; i < 10; i++)
		queries[i] = make(i, i < 6 ? 1 : 2);
	for (int i = 0; i < 5; i++)
		assert_int_equal(query_queue_submit(queue, &queries[i].ticket, &err), 0);
	assert_int_equal(query_queue_submit(queue, &queries[5].ticket, &err), STATUS_LIMIT);
	assert_non_null(strstr(err.message, "this caller"));
	assert_int_equal(query_queue_submit(queue, &queries[6].ticket, &err), 0);
	assert_int_equal(query_queue_submit(queue, &queries[7].ticket, &err), 0);
	assert_int_equal(query_queue_submit(queue, &queries[8].ticket, &err), STATUS_LIMIT);
	assert_stats(queue, 2, 5);
	open_gate();
	query_queue_free(queue);
	assert_int_equal(gate.ran, 7);
	assert_true(gate.most <= 2);
}

static void one_that_waits_can_be_removed(void **state)
{
	struct query_queue *queue =
		query_queue_new(&(struct query_queue_options){.max_running = 1});
	struct test_query queries[5];
	struct error err;
	for (int i = 0; i < 5; i++) {
		queries[i] = make(i, i == 4 ? 2 : 1);
		assert_int_equal(query_queue_submit(queue, &queries[i].ticket, &err), 0);
	}
	assert_false(query_queue_remove(queue, &queries[0].ticket)); /* it runs */
	assert_true(query_queue_remove(queue, &queries[3].ticket)); /* the last of its line */
	assert_true(query_queue_remove(queue, &queries[1].ticket)); /* the first */
	assert_true(query_queue_remove(queue, &queries[4].ticket)); /* the only one */
	assert_false(query_queue_remove(queue, &queries[4].ticket));
	assert_int_equal(query_queue_submit(queue, &queries[3].ticket, &err), 0);
	assert_stats(queue, 1, 2);
	open_gate();
	query_queue_free(queue);
	static const int expected[] = {0, 2, 3};
	assert_int_equal(gate.ran, 3);
	assert_memory_equal(gate.order, expected, sizeof(expected));
}

/* Many threads at once: each query runs once. */
static struct query_queue *busy;
static atomic_int runs;

static void count_run(struct query_ticket *ticket)
{
	atomic_fetch_add(&runs, 1);
}

static void release(struct query_ticket *ticket)
{
	free(ticket);
}

static void *submit_many(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct query_ticket *ticket = calloc(1, sizeof(*ticket));
		struct error err;
		ticket->caller = (uint64_t)(uintptr_t)arg;
		ticket->run = count_run;
		ticket->release = release;
		while (query_queue_submit(busy, ticket, &err))
			usleep(100);
	}
	return NULL;
}

static void threads_may_do_all_at_once(void **state)
{
	pthread_t threads[4];
	atomic_store(&runs, 0);
	busy = query_queue_new(&(struct query_queue_options){.max_running = 3, .max_waiting = 20});
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, submit_many, (void *)(i + 1)),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	query_queue_free(busy);
	assert_int_equal(atomic_load(&runs), 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(callers_take_turns, set_up),
		cmocka_unit_test_setup(too_many_are_refused, set_up),
		cmocka_unit_test_setup(one_that_waits_can_be_removed, set_up),
		cmocka_unit_test_setup(threads_may_do_all_at_once, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
