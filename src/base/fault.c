#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fault_armed;

static char armed_name[64];
static atomic_long passes_left;

void fault_init(void)
{
	const char *spec = getenv("TRIPOD_FAULT");
	if (!spec || !*spec)
		return;
	size_t len = strcspn(spec, ":");
	if (len >= sizeof(armed_name))
		return;
	memcpy(armed_name, spec, len);
	long count = spec[len] == ':' ? strtol(spec + len + 1, NULL, 10) : 1;
	atomic_store(&passes_left, count > 0 ? count : 1);
	fault_armed = true;
}

void fault_check(const char *name)
{
	if (strcmp(name, armed_name) == 0 && atomic_fetch_sub(&passes_left, 1) == 1)
		kill(getpid(), SIGKILL);
}
