/* SPDX-License-Identifier: MIT
 * Bodies of control calls: one JSON object of known fields, read strictly. Everything wrong is said
 * at once, by field. */
#ifndef FOREWARM_EDGE_CONTROL_BODY_H
#define FOREWARM_EDGE_CONTROL_BODY_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_TEXT_MAX = 512 };

enum control_type { CONTROL_TEXT, CONTROL_NUMBER };
struct control_field {
    const char *name;
    enum control_type type;
    bool required;
    double min, max; /* of numbers */
};
struct control_value {
    bool given;
    char text[CONTROL_TEXT_MAX];
    double number;
};
/* Fills values[i] for fields[i]. FW_INPUT: the detail has every problem. An empty body is an empty
 * object. */
FW_MUST_CHECK enum fw_err control_body_parse(struct str body, const struct control_field *fields,
                                             size_t count, struct control_value *values,
                                             struct fw_detail *detail);
/* Calls for each line of NDJSON, or each element of a JSON array, or the one object: its text and
 * its place (from 1). */
typedef void control_item_fn(void *context, size_t number, struct str item);
FW_MUST_CHECK enum fw_err control_body_each(struct str body, control_item_fn *fn, void *context,
                                            struct fw_detail *detail);

#endif
