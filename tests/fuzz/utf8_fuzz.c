/* The vector UTF-8 check says what the scalar one does, at every alignment of a block. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[4096 + 64];
	if (size > 4096)
		return 0;
	bool valid = utf8_valid_scalar((const char *)data, size);
	for (size_t before = 0; before < 32; before += 5) {
		memset(text, 'a', before);
		if (size)
			memcpy(text + before, data, size);
		memset(text + before + size, 0x80, UTF8_PADDING);
		if (utf8_valid(text, before + size) != valid ||
		    utf8_valid_padded(text, before + size) != valid)
			abort();
	}
	return 0;
}
