/* Calls that have no safe use here. Included into every file by the build. */
#ifndef TRIPOD_BASE_BANNED_H
#define TRIPOD_BASE_BANNED_H

#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime tmpnam mktemp
#endif

#endif
