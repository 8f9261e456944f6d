#include "store/series_seen.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 8 /* entries a set: one cache line */

struct series_seen {
	size_t mask; /* sets - 1 */
	uint64_t *entries; /* 0: none; newest first within a set */
};

struct series_seen *series_seen_new(size_t series)
{
	struct series_seen *seen = malloc(sizeof(*seen));
	size_t sets = 1;
	while (sets < series / WAYS)
		sets *= 2;
	if (!seen)
		return NULL;
	seen->mask = sets - 1;
	seen->entries = aligned_alloc(64, sets * WAYS * sizeof(*seen->entries));
	if (!seen->entries) {
		free(seen);
		return NULL;
	}
	series_seen_clear(seen);
	return seen;
}

void series_seen_free(struct series_seen *seen)
{
	if (!seen)
		return;
	free(seen->entries);
	free(seen);
}

void series_seen_clear(struct series_seen *seen)
{
	memset(seen->entries, 0, (seen->mask + 1) * WAYS * sizeof(*seen->entries));
}

bool series_seen_add(struct series_seen *seen, struct series_id id, uint32_t day)
{
	/* The id is a hash already. The day goes into the entry, so that days do not crowd a set. */
	uint64_t entry = id.high ^ (day + 1) * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t *set = seen->entries + (id.low & seen->mask) * WAYS;
	if (entry == 0)
		entry = 1;
	for (int i = 0; i < WAYS; i++) {
		if (set[i] == entry)
			return false;
	}
	memmove(set + 1, set, (WAYS - 1) * sizeof(*set));
	set[0] = entry;
	return true;
}
