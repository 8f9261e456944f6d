/*
 * `tripod engine` as a program of its own, for tests:
 *   engine --data DIR --listen ADDRESS [--libchdb FILE] [--config FILE] [--memory BYTES]
 *          [--ready-fd N] [--die-with-parent]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/engine.h"

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"data", required_argument, NULL, 'd'},
		{"listen", required_argument, NULL, 'l'},
		{"libchdb", required_argument, NULL, 'L'},
		{"config", required_argument, NULL, 'c'},
		{"memory", required_argument, NULL, 'm'},
		{"ready-fd", required_argument, NULL, 'r'},
		{"die-with-parent", no_argument, NULL, 'p'},
		{0},
	};
	struct engine_options engine = {.ready_fd = -1};
	/* The supervisor runs `program engine …`, as the real one has it. */
	if (argc > 1 && argv[1][0] != '-') {
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'd':
			engine.data = optarg;
			break;
		case 'l':
			engine.listen = optarg;
			break;
		case 'L':
			engine.libchdb = optarg;
			break;
		case 'c':
			engine.config_file = optarg;
			break;
		case 'm':
			engine.memory_limit = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			engine.ready_fd = (int)strtol(optarg, NULL, 10);
			break;
		case 'p':
			engine.die_with_parent = 1;
			break;
		default:
			return 2;
		}
	}
	if (!engine.data || !engine.listen) {
		fprintf(stderr, "usage: engine --data DIR --listen ADDRESS …\n");
		return 2;
	}
	struct error err;
	if (engine_run(&engine, &err)) {
		log_error(err.message);
		return 1;
	}
	return 0;
}
