/* The memory_limiter processor. */
#ifndef TRIPOD_PROCESSORS_MEMORY_LIMITER_H
#define TRIPOD_PROCESSORS_MEMORY_LIMITER_H

#include "pipeline/component.h"

extern const struct processor_type memory_limiter_processor;

#endif
