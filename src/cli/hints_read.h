/* SPDX-License-Identifier: MIT
 * Files of runs: JSON Lines, a run a line, or one JSON document {"agent_id"?, "name"?, "config"?,
 * "runs": [...]}; plain or zipped, "-" is standard input. What a run is, is the caller's matter. */
#ifndef FOREWARM_CLI_HINTS_READ_H
#define FOREWARM_CLI_HINTS_READ_H

#include "base/err.h"
#include "edge/run_record.h"
#include "learn/compat_nat.h"

#define HINTS_BYTES_MAX ((size_t)1 << 32)

/* What a document says beside its runs; of JSON Lines nothing is given. Texts live as long as the
 * file is read. */
struct hints_head {
    struct str agent, name;
    bool configured;
    struct callpath_weights weights; /* if configured */
};
/* For each run: `head` is the file's. */
typedef enum fw_err hints_run_fn(void *context, const struct hints_head *head,
                                 const struct json_t *run, const struct run_record_place *place,
                                 struct fw_detail *detail);
FW_MUST_CHECK enum fw_err hints_read(const char *path, hints_run_fn *fn, void *context,
                                     struct hints_head *head, struct fw_detail *detail);
/* From memory; `path` is for messages. A document without runs is told by `head` all the same. */
FW_MUST_CHECK enum fw_err hints_read_text(const char *path, struct str text, hints_run_fn *fn,
                                          void *context, struct hints_head *head,
                                          struct fw_detail *detail);

/* The steps of a run of --compat nat, whose texts lie in `run`: a list of steps, or {"steps":
 * [...]}. The caller frees them. */
FW_MUST_CHECK enum fw_err hints_steps(const struct json_t *run,
                                      const struct run_record_place *place,
                                      struct compat_nat_step **steps, uint32_t *count,
                                      struct fw_detail *detail);

/* {"sensitivity_scale", "w_critical", "w_fanout", "w_position", "w_parallel"}, missing ones as
 * usual; null: not scored. */
FW_MUST_CHECK enum fw_err hints_config(const struct json_t *config, const char *path,
                                       struct callpath_weights *weights, struct fw_detail *detail);

#endif
