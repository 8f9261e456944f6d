#include "processors/batch.h"

#include "processors/batch_options.h"

const struct processor_type batch_processor = {
	.type = {.name = "batch",
		 .signals = SIGNALS_ALL,
		 .stability = STABILITY_ALPHA,
		 .summary = "Gathers records into batches of a good size.",
		 .options = &batch_option_table},
};
