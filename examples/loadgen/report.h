/* SPDX-License-Identifier: MIT
 * What the clients saw, summed up: for people, as JSON, and one CSV row a request. */
#ifndef LOADGEN_REPORT_H
#define LOADGEN_REPORT_H

#include "play.h"

/* `count`: how many requests were sent. */
void report_text(const struct play_result *results, size_t count);
bool report_json(const struct trace *trace, const struct play_result *results, size_t count);
/* Written under a temporary name, then renamed. False with a line on stderr. */
bool report_csv(const struct trace *trace, const struct play_result *results, size_t count,
                const char *path);

#endif
