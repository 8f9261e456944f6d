/* Classic histograms to native ones with custom buckets, as `load_with_nhcb` wants it. */
#ifndef PROMQLTEST_NHCB_H
#define PROMQLTEST_NHCB_H

#include "memory_source.h"

/* Adds the native histograms that the float series of `load` make up. INVALID: they are inconsistent. */
int nhcb_load(struct memory_source *memory, const struct load_command *load, struct error *err);

#endif
