/* SPDX-License-Identifier: MIT
 * An answer that is kept: its head as lines, its body, and what decides how long it holds. Never
 * changed once made, so that any thread may send it while another replaces it; counted references.
 * The body is shared with what a 304 makes of it. */
#ifndef FOREWARM_EDGE_PAGE_OBJECT_H
#define FOREWARM_EDGE_PAGE_OBJECT_H

#include "edge/pages/http_rules.h"
#include <stdatomic.h>

struct page_body {
    _Atomic uint32_t references;
    size_t len;
    char data[];
};
struct page_object {
    _Atomic uint32_t references;
    struct page_body *body;
    struct http_rules_response rules;
    struct str lines;      /* of the head, each with its CRLF */
    struct str vary_names; /* "": it does not vary */
    struct str vary_key;   /* what the request said of them, see http_rules.h */
    char text[];
};

/* Copies everything. `base`: its body is used, and its head as `not_modified` changes it. NULL:
 * no memory, or a head that is too large. */
struct page_object *page_object_create(const struct head *head,
                                       const struct http_rules_response *rules, struct str body,
                                       const struct server_field *asked, uint32_t asked_count);
struct page_object *page_object_freshen(const struct page_object *base,
                                        const struct head *not_modified, int64_t requested_ns,
                                        int64_t received_ns);
struct page_object *page_object_keep(struct page_object *object);
void page_object_drop(struct page_object *object); /* NULL is fine */
uint64_t page_object_bytes(const struct page_object *object);
/* Does it answer a request with these fields? */
bool page_object_selected(const struct page_object *object, const struct server_field *fields,
                          uint32_t count);

#endif
