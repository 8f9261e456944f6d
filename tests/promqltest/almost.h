/* Doubles that are equal but for what rounding may have done. */
#ifndef PROMQLTEST_ALMOST_H
#define PROMQLTEST_ALMOST_H

#include <stdbool.h>

bool is_stale(double value);
/* A difference of less than 1e-6 of the sum; NaN equals NaN, a stale marker another only. */
bool almost_equal(double a, double b);

#endif
