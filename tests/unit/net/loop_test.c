#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "net/loop.h"

#define POSTERS 4
#define POSTS 20000

struct counts {
	struct loop *loop;
	int last[POSTERS];
	int total, disorder;
	bool elsewhere;
};

struct post {
	struct counts *counts;
	int poster, number;
};

static void count(void *arg)
{
	struct post *post = arg;
	struct counts *counts = post->counts;
	if (post->number != counts->last[post->poster] + 1)
		counts->disorder++;
	counts->last[post->poster] = post->number;
	counts->total++;
	counts->elsewhere |= !loop_is_current(counts->loop);
	free(post);
}

struct poster {
	pthread_t thread;
	struct counts *counts;
	int index;
};

static void *post_many(void *arg)
{
	struct poster *poster = arg;
	for (int i = 1; i <= POSTS; i++) {
		struct post *post = malloc(sizeof(*post));
		*post = (struct post){poster->counts, poster->index, i};
		loop_post(poster->counts->loop, count, post);
	}
	return NULL;
}

static void runs_posts_in_order(void **state)
{
	struct counts counts = {0};
	struct poster posters[POSTERS];
	struct error err = {0};
	assert_int_equal(loop_new(&counts.loop, "a-name-that-is-too-long", &err), 0);
	assert_false(loop_is_current(counts.loop));
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){.counts = &counts, .index = i};
		pthread_create(&posters[i].thread, NULL, post_many, &posters[i]);
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	loop_free(counts.loop);
	assert_int_equal(counts.total, POSTERS * POSTS);
	assert_int_equal(counts.disorder, 0);
	assert_false(counts.elsewhere);
}

static void post_again(void *arg)
{
	struct counts *counts = arg;
	if (++counts->total < 100)
		loop_post(counts->loop, post_again, counts);
}

static void finishes_work_before_it_stops(void **state)
{
	struct counts counts = {0};
	assert_int_equal(loop_new(&counts.loop, "test", NULL), 0);
	loop_post(counts.loop, post_again, &counts);
	loop_free(counts.loop);
	assert_int_equal(counts.total, 100);
}

static void block(void *arg)
{
	atomic_int *go = arg;
	while (!atomic_load(go))
		usleep(1000);
}

static void shows_a_stuck_loop(void **state)
{
	struct loop *loop;
	atomic_int go = 0;
	assert_int_equal(loop_new(&loop, "test", NULL), 0);
	usleep(1500000);
	assert_true(clock_monotonic_ns() - loop_last_turn(loop) < 1200 * NS_PER_MS);
	loop_post(loop, block, &go);
	usleep(1500000);
	assert_true(clock_monotonic_ns() - loop_last_turn(loop) > 1400 * NS_PER_MS);
	atomic_store(&go, 1);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_posts_in_order),
		cmocka_unit_test(finishes_work_before_it_stops),
		cmocka_unit_test(shows_a_stuck_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
