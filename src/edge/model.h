/* SPDX-License-Identifier: MIT
 * Which model a request is for, and where in its bytes the name stands, so that an alias can be
 * replaced by splicing. Path, body (JSON, multipart, urlencoded), query, then `resource_from`, then
 * the default; in this order. */
#ifndef FOREWARM_EDGE_MODEL_H
#define FOREWARM_EDGE_MODEL_H

#include "edge/form.h"
#include "edge/scan.h"
#include "edge/server.h"
#include "edge/view.h"

enum { MODEL_NAME_MAX = 512 };
enum model_place {
    MODEL_NOWHERE,
    MODEL_PATH,
    MODEL_JSON,
    MODEL_FORM,
    MODEL_PART,
    MODEL_QUERY,
    MODEL_HEADERS,
    MODEL_DEFAULT
};

struct model {
    enum model_place place;
    struct str name; /* decoded; in `text` or the configuration */
    struct str
        raw; /* where it is written (JSON: with the quotes); empty where it cannot be replaced */
    struct str body, options; /* JSON: the whole, and its member "options"; else empty */
    struct scan_field nvext;  /* JSON: its member of that name */
    bool stream;              /* JSON "stream": true, or multipart stream=true */
    char text[MODEL_NAME_MAX];
};

/* FW_OK; FW_MODEL_MISSING, FW_INPUT (a body that cannot be read), FW_MEDIA_TYPE, with a sentence in
 * `detail`. Finding no such name in the view is the caller's business, except in paths, where ids
 * and what follows them share their characters: there the longest configured one counts. */
FW_MUST_CHECK enum fw_err model_find(struct model *model, const struct view *view,
                                     const struct server_request *request,
                                     struct fw_detail *detail);
/* The name as it is written at the model's place: JSON string, %XX, or plain. Returns its length;
 * 0: does not fit. */
size_t model_spell(const struct model *model, struct str name, char *out, size_t size);

#endif
