#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"

#define HEARTBEAT_MS 1000

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t heartbeat;
	uv_prepare_t turn;
	pthread_t thread;
	_Atomic(pthread_t) self; /* as the thread itself sees it, once it runs */
	/* Posted tasks, newest first; the loop takes them all at once and turns them round. */
	_Atomic(struct loop_task *) posted;
	atomic_int_fast64_t last_turn;
	struct loop_task stop;
	char name[16];
};

/* What loop_post allocates: a task that frees itself. */
struct posted_call {
	struct loop_task task;
	void (*fn)(void *arg);
	void *arg;
};

static void note_turn(struct loop *loop)
{
	atomic_store_explicit(&loop->last_turn, clock_monotonic_ns(), memory_order_relaxed);
}

/* Returns whether there was anything to run. */
static bool run_posted(struct loop *loop)
{
	struct loop_task *newest =
		atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
	struct loop_task *oldest = NULL;
	while (newest) {
		struct loop_task *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	bool any = oldest != NULL;
	while (oldest) {
		struct loop_task *task = oldest;
		oldest = task->next;
		task->fn(task->arg);
	}
	return any;
}

static void on_wake(uv_async_t *wake)
{
	run_posted(wake->data);
}

static void on_heartbeat(uv_timer_t *timer)
{
	note_turn(timer->data);
}

static void on_turn(uv_prepare_t *prepare)
{
	note_turn(prepare->data);
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	atomic_store_explicit(&loop->self, pthread_self(), memory_order_relaxed);
	pthread_setname_np(pthread_self(), loop->name);
	do
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	while (run_posted(loop));
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->heartbeat, NULL);
	uv_close((uv_handle_t *)&loop->turn, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	return NULL;
}

static int start_thread(struct loop *loop, struct error *err)
{
	int rc = pthread_create(&loop->thread, NULL, run, loop);
	if (rc)
		return error_set_errno(err, STATUS_NO_MEMORY, rc, "cannot start thread %s",
				       loop->name);
	return 0;
}

int loop_new(struct loop **out, const char *name, struct error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return error_set(err, STATUS_NO_MEMORY, "out of memory");
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	int rc = uv_loop_init(&loop->uv);
	if (rc < 0) {
		free(loop);
		return error_set(err, STATUS_NO_MEMORY, "cannot make an event loop: %s",
				 uv_strerror(rc));
	}
	rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
	if (rc < 0) {
		uv_loop_close(&loop->uv);
		free(loop);
		return error_set(err, STATUS_NO_MEMORY, "cannot make an event loop: %s",
				 uv_strerror(rc));
	}
	uv_timer_init(&loop->uv, &loop->heartbeat);
	uv_prepare_init(&loop->uv, &loop->turn);
	loop->wake.data = loop->heartbeat.data = loop->turn.data = loop;
	uv_timer_start(&loop->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	uv_prepare_start(&loop->turn, on_turn);
	note_turn(loop);
	rc = start_thread(loop, err);
	if (rc < 0) {
		uv_close((uv_handle_t *)&loop->wake, NULL);
		uv_close((uv_handle_t *)&loop->heartbeat, NULL);
		uv_close((uv_handle_t *)&loop->turn, NULL);
		uv_run(&loop->uv, UV_RUN_DEFAULT);
		uv_loop_close(&loop->uv);
		free(loop);
		return rc;
	}
	*out = loop;
	return 0;
}

/* From here on the loop's own handles no longer keep it alive, only those of its users do. */
static void stop(void *arg)
{
	struct loop *loop = arg;
	uv_unref((uv_handle_t *)&loop->wake);
	uv_unref((uv_handle_t *)&loop->heartbeat);
	uv_unref((uv_handle_t *)&loop->turn);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop->stop = (struct loop_task){.fn = stop, .arg = loop};
	loop_post_task(loop, &loop->stop);
	pthread_join(loop->thread, NULL);
	uv_loop_close(&loop->uv);
	free(loop);
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

void loop_post_task(struct loop *loop, struct loop_task *task)
{
	struct loop_task *head = atomic_load_explicit(&loop->posted, memory_order_relaxed);
	do
		task->next = head;
	while (!atomic_compare_exchange_weak_explicit(&loop->posted, &head, task,
						      memory_order_release, memory_order_relaxed));
	/* Whoever filled an empty queue wakes the loop; the others ride along. */
	if (!head)
		uv_async_send(&loop->wake);
}

static void run_call(void *arg)
{
	struct posted_call call = *(struct posted_call *)arg;
	free(arg);
	call.fn(call.arg);
}

int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct posted_call *call = malloc(sizeof(*call));
	if (!call)
		return STATUS_NO_MEMORY;
	*call = (struct posted_call){.task = {.fn = run_call, .arg = call}, .fn = fn, .arg = arg};
	loop_post_task(loop, &call->task);
	return 0;
}

int loop_is_current(const struct loop *loop)
{
	pthread_t self = atomic_load_explicit(&loop->self, memory_order_relaxed);
	return pthread_equal(pthread_self(), self) != 0;
}

int64_t loop_last_turn(const struct loop *loop)
{
	return atomic_load_explicit(&loop->last_turn, memory_order_relaxed);
}
