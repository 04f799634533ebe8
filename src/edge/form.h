/* SPDX-License-Identifier: MIT
 * Forms: "a=b&c=d" as in queries and urlencoded bodies (WHATWG URL, 5.1), and multipart/form-data
 * (RFC 7578). */
#ifndef FOREWARM_EDGE_FORM_H
#define FOREWARM_EDGE_FORM_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

enum form_find { FORM_ABSENT, FORM_FOUND, FORM_TWICE, FORM_TOO_LONG, FORM_BROKEN };

/* Where the field's value stands, as written. */
enum form_find form_find(struct str form, struct str name, struct str *raw);
enum form_find form_find_part(struct str body, struct str boundary, struct str name,
                              struct str *raw);
/* The boundary parameter of a multipart content type; false: absent or not a boundary. */
bool form_boundary(struct str content_type, struct str *boundary);

/* The decoded value, NUL-terminated. */
enum form_find form_get(struct str form, struct str name, char *decoded, size_t size);
/* Undoes %XX, and + if `plus`. FORM_FOUND, FORM_TOO_LONG or FORM_BROKEN (a percent sign without two
 * digits). */
enum form_find form_decode(struct str raw, bool plus, char *decoded, size_t size, size_t *len);
/* Appends with everything but RFC 3986 unreserved characters as %XX; returns bytes written, at most
 * `size`. */
size_t form_encode(struct str text, char *out, size_t size);

#endif
