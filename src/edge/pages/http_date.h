/* SPDX-License-Identifier: MIT
 * Dates of HTTP fields (RFC 9110, 5.6.7): the one form that is written, and the two old ones that
 * are still read. */
#ifndef FOREWARM_EDGE_HTTP_DATE_H
#define FOREWARM_EDGE_HTTP_DATE_H

#include "base/str.h"
#include "base/time.h"

enum { HTTP_DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* `now_ns` tells which century a year of two digits is in. Before 1970 is 0, after 2261 TIME_NEVER.
 */
FW_MUST_CHECK bool http_date_parse(struct str text, int64_t now_ns, int64_t *at_ns);
void http_date_write(int64_t at_ns, char text[HTTP_DATE_LEN + 1]);

#endif
