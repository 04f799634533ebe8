/* SPDX-License-Identifier: MIT
 * The directives of Cache-Control (RFC 9111, 5.2; RFC 5861 for stale-if-error), of requests and of
 * responses. Whatever is in doubt is read so that less is kept: a list that cannot be read means
 * no-store, a duration that is no number or is said twice differently is 0 (4.2.1), and a directive
 * for some fields only (`private="set-cookie"`) is taken as one for all. */
#ifndef FOREWARM_EDGE_HTTP_DIRECTIVES_H
#define FOREWARM_EDGE_HTTP_DIRECTIVES_H

#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define HTTP_DIRECTIVES_ABSENT INT64_C(-1)
#define HTTP_DIRECTIVES_MOST   (INT64_C(1) << 31) /* seconds; RFC 9111, 1.2.2 */

/* X(field, name): switches, then those with seconds */
#define HTTP_DIRECTIVES_SWITCHES(X)                                                                \
    X(no_store, "no-store")                                                                        \
    X(no_cache, "no-cache")                                                                        \
    X(is_private, "private")                                                                       \
    X(is_public, "public")                                                                         \
    X(must_revalidate, "must-revalidate")                                                          \
    X(proxy_revalidate, "proxy-revalidate")                                                        \
    X(must_understand, "must-understand")                                                          \
    X(only_if_cached, "only-if-cached")
#define HTTP_DIRECTIVES_SECONDS(X)                                                                 \
    X(max_age_s, "max-age")                                                                        \
    X(s_maxage_s, "s-maxage")                                                                      \
    X(min_fresh_s, "min-fresh")                                                                    \
    X(stale_if_error_s, "stale-if-error")

struct http_directives {
#define X(field, name) bool field;
    HTTP_DIRECTIVES_SWITCHES(X)
#undef X
#define X(field, name) int64_t field; /* HTTP_DIRECTIVES_ABSENT */
    HTTP_DIRECTIVES_SECONDS(X)
#undef X
    int64_t max_stale_s; /* without a value: HTTP_DIRECTIVES_MOST */
};

void http_directives_init(struct http_directives *directives);
/* Adds the directives of one field line. */
void http_directives_add(struct http_directives *directives, struct str line);

#endif
