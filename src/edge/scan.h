/* SPDX-License-Identifier: MIT
 * Reads a few top-level members of a JSON object in one pass over its bytes, without building
 * anything. The whole text is validated (RFC 8259 grammar, UTF-8, paired surrogates), because what
 * is forwarded must mean the same to the next reader. Fuzzed against jansson. */
#ifndef FOREWARM_EDGE_SCAN_H
#define FOREWARM_EDGE_SCAN_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { SCAN_DEPTH_MAX = 64, SCAN_KEY_MAX = 64, SCAN_FIELDS_MAX = 13 };
enum scan_type {
    SCAN_ABSENT,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
    SCAN_OBJECT,
    SCAN_ARRAY
};

struct scan_field {
    struct str key; /* wanted: a member of the outermost object with this name, escapes undone */
    enum scan_type type; /* of the first one */
    struct str raw;      /* its bytes as written; a string with its quotes */
    bool escaped;        /* a string that holds escapes */
    bool twice;          /* there was another one */
};

struct scan_error {
    size_t at; /* byte */
    const char *expected;
};

/* FW_OK, or FW_INPUT with the place. Fields that are absent keep SCAN_ABSENT. */
FW_MUST_CHECK enum fw_err scan_object(struct str text, struct scan_field *fields, size_t count,
                                      struct scan_error *error);
/* The text of a string as scan_object found it, escapes undone. False if it does not fit into
 * `size` bytes; NULs count like any byte. */
bool scan_string(const struct scan_field *field, char *out, size_t size, size_t *len);

#endif
