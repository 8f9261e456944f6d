/* Writing protobuf messages for tests and benchmarks. */
#ifndef TRIPOD_TESTS_PB_WRITE_H
#define TRIPOD_TESTS_PB_WRITE_H

#include "wire/protobuf_write.h"

#endif
