/* SPDX-License-Identifier: MIT
 * The log: one line each, logfmt (time=... level=... msg="..." key=value), at the edges only. Any
 * thread may log. Nothing secret goes in: no bodies, no tokens, no header values, no environment.
 */
#ifndef FOREWARM_EDGE_LOG_H
#define FOREWARM_EDGE_LOG_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

/* X(level, name, when) */
#define LOG_LEVELS(X)                                                                              \
    X(LOG_ERROR, "error", "somebody must do something: what is asked for cannot be done")          \
    X(LOG_WARN, "warn", "it goes on, but not as it should: a failed warm-up, a client cut off")    \
    X(LOG_INFO, "info",                                                                            \
      "what an operator wants to read the day after: starts, loads, unloads, reloads")             \
    X(LOG_DEBUG, "debug", "every decision and every call: for finding out why")

enum log_level {
#define X(level, name, sentence) level,
    LOG_LEVELS(X)
#undef X
        LOG_LEVEL_COUNT
};

enum log_kind { LOG_NOTHING, LOG_IS_TEXT, LOG_IS_INT, LOG_IS_DURATION };
struct log_field {
    const char *key;
    struct str text;
    int64_t number;
    enum log_kind kind;
};
#define LOG_STR(key, value)  ((struct log_field){(key), (value), 0, LOG_IS_TEXT})
#define LOG_TEXT(key, value) ((struct log_field){(key), str_of(value), 0, LOG_IS_TEXT})
#define LOG_INT(key, value)  ((struct log_field){(key), {NULL, 0}, (int64_t)(value), LOG_IS_INT})
/* nanoseconds, written as seconds: took_s=1.204 */
#define LOG_SECONDS(key, value_ns)                                                                 \
    ((struct log_field){(key), {NULL, 0}, (value_ns), LOG_IS_DURATION})

/* log_info("warmed", LOG_TEXT("resource", id), LOG_SECONDS("took_s", ns)); the message is a
 * literal: lines are limited by message (LOG_LINES_PER_SECOND each), and what was left out is
 * counted on the next line that is let through. */
#define log_error(message, ...) log_line(LOG_ERROR, message, LOG_FIELDS(__VA_ARGS__))
#define log_warn(message, ...)  log_line(LOG_WARN, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)  log_line(LOG_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_debug(message, ...) log_line(LOG_DEBUG, message, LOG_FIELDS(__VA_ARGS__))
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]){{"", {0, 0}, 0, LOG_NOTHING}, ##__VA_ARGS__},                       \
        sizeof((const struct log_field[]){{"", {0, 0}, 0, LOG_NOTHING}, ##__VA_ARGS__}) /          \
            sizeof(struct log_field)

enum { LOG_LINES_PER_SECOND = 20, LOG_LINE_MAX = 4096 };

/* To the file, or standard error when `file` is "". Until it is called lines go to standard error.
 */
FW_MUST_CHECK enum fw_err log_open(const char *file, enum log_level level,
                                   struct fw_detail *detail);
void log_set_level(enum log_level level);
void log_close(void);
void log_line(enum log_level level, const char *message, const struct log_field *fields,
              size_t count);

#endif
