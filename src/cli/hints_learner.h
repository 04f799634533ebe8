/* SPDX-License-Identifier: MIT
 * The three ways to learn a file of runs behind one face: ours (callpath.h), and those of the two
 * reference programs. */
#ifndef FOREWARM_CLI_HINTS_LEARNER_H
#define FOREWARM_CLI_HINTS_LEARNER_H

#include "base/table.h"
#include "cli/hints_read.h"
#include "learn/compat_relay.h"
#include "learn/hint_trie.h"

enum hints_mode { HINTS_OURS, HINTS_NAT, HINTS_RELAY };
extern const char *const hints_modes[]; /* "none", "nat", "relay" */

enum { HINTS_RUNS_MAX = 1 << 26, HINTS_AFTER_MAX = 20 };
struct hints_learner {
    enum hints_mode mode;
    bool begun;
    struct callpath_settings settings;
    struct callpath *ours;
    struct compat_nat nat;
    struct compat_relay relay;
    char agent[CALLPATH_NAME_MAX + 1]; /* whose runs are learned; of length: */
    size_t agent_len;
    bool agent_known, agent_chosen; /* chosen: others' runs are left out, not refused */
    struct table ids;               /* of runs learned: again is once */
    uint64_t runs, calls, duplicates, others;
    struct buf contexts; /* JSON of what each run's calls contributed; --compat nat */
    struct buf after;    /* JSON of the default hints after each run; --compat relay */
};
/* `agent` "": the document's, or the only one there is. */
FW_MUST_CHECK enum fw_err hints_learner_init(struct hints_learner *learner, enum hints_mode mode,
                                             const struct callpath_settings *settings,
                                             const char *agent, struct fw_detail *detail);
void hints_learner_fini(struct hints_learner *learner);
/* Before the first run: the settings to learn by. */
FW_MUST_CHECK enum fw_err hints_learner_begin(struct hints_learner *learner,
                                              const struct callpath_weights *weights,
                                              const struct hints_head *head,
                                              struct fw_detail *detail);
FW_MUST_CHECK enum fw_err hints_learner_add(struct hints_learner *learner, const struct json_t *run,
                                            const struct run_record_place *place,
                                            struct fw_detail *detail);
/* The trie, not yet begun. */
FW_MUST_CHECK enum fw_err hints_learner_trie(struct hints_learner *learner, struct hint_trie *trie);
/* The accumulators: of relay as it stores them; of nat what each call contributed; of ours the
 * learner's state. */
FW_MUST_CHECK enum fw_err hints_learner_state(const struct hints_learner *learner, struct buf *out);

struct json; /* of base/json.h */
/* NULL writes null. */
void hints_write_relay(const struct compat_relay_hints *hints, struct str prefix,
                       struct json *json);
void hints_write_nat(const struct compat_nat_hints *hints, struct json *json);

#endif
