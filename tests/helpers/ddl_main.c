/* ddl DATABASE: the statements that create the telemetry tables, each ended by ";\n". For tests. */
#include <stdio.h>

#include "store/tables.h"

int main(int argc, char **argv)
{
	struct buf out = BUF_INIT;
	if (argc != 2) {
		fprintf(stderr, "usage: ddl DATABASE\n");
		return 2;
	}
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		if (table_ddl(table, argv[1], 0, &out))
			return 1;
		buf_append_cstr(&out, ";\n");
	}
	size_t written = fwrite(out.data, 1, out.len, stdout);
	int rc = written == out.len ? 0 : 1;
	buf_release(&out);
	return rc;
}
