/*
 * Named points at which a test can make the process die, as if by power loss or kill -9:
 * TRIPOD_FAULT=NAME[:N] kills it (SIGKILL) the Nth time (default: first) it comes by NAME.
 * The points are FAULT_POINT("…") in the sources. Without the variable a point costs one load.
 */
#ifndef TRIPOD_BASE_FAULT_H
#define TRIPOD_BASE_FAULT_H

#include <stdbool.h>

/* Reads TRIPOD_FAULT; call once at the start of main. */
void fault_init(void);

extern bool fault_armed;
void fault_check(const char *name);

#define FAULT_POINT(name)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(fault_armed, 0))                                              \
			fault_check(name);                                                         \
	} while (0)

#endif
