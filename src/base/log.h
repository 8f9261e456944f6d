/*
 * The program's own log: one line a message on stderr, as text or JSON. Messages name
 * facts about Tripod, never customers' content. Thread-safe; a line is one write(2).
 *
 *   log_info("engine started", LOG_INT("pid", pid), LOG_STR("socket", path));
 */
#ifndef TRIPOD_BASE_LOG_H
#define TRIPOD_BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
	const char *key;
	enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_DOUBLE } kind;
	const char *str;
	int64_t num;
	double dbl;
};

#define LOG_STR(key, value) ((struct log_field){key, LOG_FIELD_STR, value, 0, 0})
#define LOG_INT(key, value) ((struct log_field){key, LOG_FIELD_INT, 0, (int64_t)(value), 0})
#define LOG_DOUBLE(key, value) ((struct log_field){key, LOG_FIELD_DOUBLE, 0, 0, value})

void log_configure(enum log_level least, enum log_format format);
enum log_level log_least(void);

void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       unsigned count);

/* log_info("message") or log_info("message", LOG_INT("pid", pid), LOG_STR("path", path)) */
#define log_at(level, message, ...)                                                                \
	log_write(level, message, (const struct log_field[]){{0}, __VA_ARGS__} + 1,                \
		  (unsigned)(sizeof((const struct log_field[]){{0}, __VA_ARGS__}) /                \
			     sizeof(struct log_field)) -                                           \
			  1)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
