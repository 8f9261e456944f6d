/* Any bytes as a configuration; one that is right is printed and, secrets apart, read back. */
#include <stdint.h>
#include <stdlib.h>

#include "app/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *ctx, const char *name)
{
	return name[0] == 'L' ? "[otlp]" : name[0] == 'U' ? NULL : name;
}

static const struct yaml_variables variables = {lookup, NULL};

static int load(struct config *config, struct slice text)
{
	struct config_text one = {"fuzz", text};
	struct config_request request = {.texts = &one,
					 .text_count = 1,
					 .variables = &variables,
					 .registry = &builtin_components};
	config_init(config);
	return config_load(config, &request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config, again;
	struct buf text = BUF_INIT, printed = BUF_INIT;
	int rc = load(&config, (struct slice){(const char *)data, size});
	if ((rc == 0) != (config.diagnostics.errors == 0))
		abort();
	diagnostics_print(&config.diagnostics, &text, false);
	if (rc == 0) {
		config_print(&config, &printed);
		bool secrets = memmem(printed.data, printed.len, "<hidden>", 8) != NULL;
		bool fits = printed.len < YAML_MAX_BYTES / 2;
		if (load(&again, buf_slice(&printed)) < 0 && !secrets && fits)
			abort();
		config_release(&again);
	}
	buf_release(&text);
	buf_release(&printed);
	config_release(&config);
	return 0;
}
