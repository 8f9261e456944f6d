/*
 * A stand-in for libchdb, which cannot be loaded under sanitizers, so that what runs
 * around it can be. Statements it knows:
 *   SELECT n          n pieces of FAKE_PIECE bytes 'x'
 *   SELECT n FAIL     the same, and then an exception
 *   SELECT BLOCK      waits until a KILL comes
 *   INSERT …          counts the bytes; an 'E' among them is an exception
 * Any other gives "ok\n"; one with FAIL an exception.
 */
#ifndef TRIPOD_TESTS_FAKE_CHDB_H
#define TRIPOD_TESTS_FAKE_CHDB_H

#include <stdatomic.h>

#include "store/chdb.h"

#define FAKE_PIECE ((size_t)100000)

extern const struct chdb_api fake_chdb;

struct fake_counts {
	atomic_int connections, results, streams, inserts; /* open now */
	atomic_int commits, kills, blocked;
	atomic_llong committed_bytes, appended_bytes;
	atomic_int append_delay_us;
};
extern struct fake_counts fake_counts;

#endif
