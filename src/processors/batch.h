/* The batch processor. */
#ifndef TRIPOD_PROCESSORS_BATCH_H
#define TRIPOD_PROCESSORS_BATCH_H

#include "pipeline/component.h"

extern const struct processor_type batch_processor;

#endif
