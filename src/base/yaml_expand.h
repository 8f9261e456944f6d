/* ${…} in the scalars of a YAML text; a part of base/yaml. */
#ifndef TRIPOD_BASE_YAML_EXPAND_H
#define TRIPOD_BASE_YAML_EXPAND_H

#include "base/yaml.h"

struct yaml_expansion {
	struct slice text; /* zero-terminated, in the arena */
	bool whole; /* the scalar was nothing but one reference */
};

/* 0, or INVALID or NO_MEMORY with a message added at `at`. */
int yaml_expand(struct yaml_expansion *out, struct slice text, struct position at,
		const struct yaml_variables *variables, struct diagnostics *diagnostics);

#endif
