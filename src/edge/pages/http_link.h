/* SPDX-License-Identifier: MIT
 * The Link field (RFC 8288, section 3 and appendix B.2), as far as prefetching needs it: targets
 * and their relations, and the request target that a relative reference stands for (RFC 3986,
 * 5.2). Other origins are nobody's business here: a reference with a scheme or an authority has no
 * target. */
#ifndef FOREWARM_EDGE_HTTP_LINK_H
#define FOREWARM_EDGE_HTTP_LINK_H

#include "base/str.h"
#include <stdbool.h>

enum { HTTP_LINK_REL_MAX = 256, HTTP_LINK_TARGET_MAX = 4096 };

struct http_link {
    struct str reference;        /* between < and > */
    char rel[HTTP_LINK_REL_MAX]; /* of the first rel, unquoted; what is longer is cut */
    bool anchored;               /* the link is of another page */
};
/* Takes one link off the front of a field line. False: none is left, or the rest cannot be read. */
bool http_link_next(struct str *rest, struct http_link *link);
/* Is it among the relations? ASCII case does not matter. */
bool http_link_has(const struct http_link *link, const char *rel);
/* The path and query that a reference found at `base` (a path with or without query) stands for.
 * False: another origin, or bytes that do not belong into an address, or dots and slashes that are
 * hidden from us by percent-encoding. */
bool http_link_resolve(struct str base, struct str reference, char target[HTTP_LINK_TARGET_MAX],
                       size_t *len);

#endif
