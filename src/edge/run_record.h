/* SPDX-License-Identifier: MIT
 * Run records: what an agent did, as JSON (docs/guide/hints.md). {id, agent_id, started_at,
 * ended_at?, calls: [{kind "llm"|"tool", name, started_at, ended_at?, output_tokens?, model_name?,
 * id?, parent_id?, path?}]}; times RFC 3339; unknown fields are left alone. `path` is the list of
 * scopes around the call, outermost first; without it a call's path is its name alone. What is
 * wrong is named by file, line, call and field. */
#ifndef FOREWARM_EDGE_RUN_RECORD_H
#define FOREWARM_EDGE_RUN_RECORD_H

#include "learn/callpath.h"

struct json_t; /* of jansson */

enum {
    RUN_RECORD_ID_MAX = 256,    /* bytes of an id */
    RUN_RECORD_PATH_MAX = 1024, /* scopes around a call */
};
struct run_record_call {
    struct str id, parent_id; /* "" none */
    struct str name, model;   /* model "" not known */
};
struct run_record {
    struct str id;
    struct callpath_run run;
    const struct run_record_call *more; /* beside each of run.calls */
    void *memory;                       /* all of the above and its text */
};
/* Where a record stands, for messages: "runs.jsonl" line 3, or "runs.json" runs[2] of a document
 * (line 0). */
struct run_record_place {
    const char *file;
    size_t line;
    size_t number; /* of the document's runs, from 0, where line is 0 */
    bool as_it_is; /* times may be in any order and before 1970: for --compat relay */
};

/* `agent` is what a record without agent_id belongs to; "" refuses such. The record owns all it
 * points to. */
FW_MUST_CHECK enum fw_err run_record_parse(struct run_record *record, struct str text,
                                           const struct run_record_place *place, struct str agent,
                                           struct fw_detail *detail);
/* From what was parsed already; nothing of `json` is kept. */
FW_MUST_CHECK enum fw_err run_record_from(struct run_record *record, const struct json_t *json,
                                          const struct run_record_place *place, struct str agent,
                                          struct fw_detail *detail);
void run_record_fini(struct run_record *record);

#endif
