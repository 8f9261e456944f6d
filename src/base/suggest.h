/* "did you mean": the known word that is nearest to a mistyped one. */
#ifndef TRIPOD_BASE_SUGGEST_H
#define TRIPOD_BASE_SUGGEST_H

#include <stddef.h>

struct suggestion {
	const char *word;
	const char *best; /* NULL: nothing is near enough */
	size_t distance;
};

void suggestion_init(struct suggestion *suggestion, const char *word);
/* Considers one more known word (borrowed). */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

/* Edits (insert, delete, replace, swap neighbours; case counts nothing) from a to b. */
size_t edit_distance(const char *a, const char *b);

#endif
