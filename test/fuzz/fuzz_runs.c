/* SPDX-License-Identifier: MIT
 * Files of runs, learned in each of the three ways (the first byte says which): a refusal says what
 * is wrong, what was learned keeps its laws, and the trie that is written can be read and says the
 * same. The same bytes are also read as a trie and as a saved state. */
#include "base/json.h"
#include "cli/hints_json.h"
#include "cli/hints_learner.h"
#include <math.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_prediction(const struct callpath_prediction *prediction)
{
    for (size_t m = 0; m < CALLPATH_METRICS; m++) {
        const struct callpath_metric *metric = &prediction->metrics[m];
        require(metric->samples > 0 || (metric->mean >= 0 && metric->mean <= 0));
        require(isfinite(metric->mean) && metric->p50 <= metric->p90 && metric->p90 <= metric->p95);
    }
}

/* Every node of a trie that our learner made, under the name it can be found by. */
static void check_trie(const struct hint_trie *trie, enum hints_mode mode)
{
    for (uint32_t i = 0; i < trie->count; i++) {
        const struct hint_trie_node *node = &trie->nodes[i];
        if (i > 0)
            require(hint_trie_find_child(trie, node->parent, hint_trie_name(trie, i)) == i);
        if (mode != HINTS_OURS)
            continue;
        if (node->has_any)
            check_prediction(&node->any);
        for (uint32_t e = 0; e < node->entry_count; e++)
            check_prediction(&node->entries[e].prediction);
    }
}

static void check_written(const struct hint_trie *trie)
{
    struct buf first, second;
    struct hints_file file;
    struct fw_detail detail = {""};
    buf_init(&first, SIZE_MAX);
    buf_init(&second, SIZE_MAX);
    hints_json_write(trie, STR("agent"), 0, &first);
    require(!first.failed);
    if (hints_json_read(&file, "fuzz", buf_str(&first), true, &detail) == FW_OK) {
        require(file.trie.count == trie->count);
        hints_json_write(&file.trie, (struct str){file.workflow, file.workflow_len}, 0, &second);
        require(str_equal(buf_str(&first), buf_str(&second)));
        hints_json_fini(&file);
    } else { /* deeper than the parser goes, which takes many slashes in --compat relay */
        require(trie->count > 500);
    }
    buf_fini(&first);
    buf_fini(&second);
}

static void check_state(const struct hints_learner *learner)
{
    struct buf state, again;
    buf_init(&state, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    require(hints_learner_state(learner, &state) == FW_OK);
    if (learner->mode == HINTS_OURS) {
        struct callpath *other = NULL;
        struct buf_reader reader = {(const uint8_t *)state.data, state.len, 0, false};
        require(callpath_create(&other, callpath_settings_of(learner->ours), NULL) == FW_OK);
        require(callpath_load(other, &reader) == FW_OK);
        callpath_save(other, &again);
        require(str_equal(buf_str(&state), buf_str(&again)));
        require(callpath_merge(other, learner->ours) == FW_OK);
        callpath_free(&other);
    }
    buf_fini(&state);
    buf_fini(&again);
}

struct work {
    struct hints_learner learner;
};

static enum fw_err take_run(void *context, const struct hints_head *head, const struct json_t *run,
                            const struct run_record_place *place, struct fw_detail *detail)
{
    struct work *work = context;
    struct callpath_weights weights = head->configured ? head->weights : callpath_defaults.weights;
    FW_TRY(hints_learner_begin(&work->learner, &weights, head, detail));
    return hints_learner_add(&work->learner, run, place, detail);
}

static void learn(enum hints_mode mode, struct str text)
{
    struct work work;
    struct hints_head head;
    struct hint_trie trie = {.count = 0};
    struct fw_detail detail = {""};
    require(hints_learner_init(&work.learner, mode, &callpath_defaults, "", &detail) == FW_OK);
    enum fw_err err = hints_read_text("fuzz", text, take_run, &work, &head, &detail);
    require(err == FW_OK || detail.text[0] != '\0' || err == FW_NOMEM);
    if (err == FW_OK && work.learner.begun) {
        check_state(&work.learner);
        require(hints_learner_trie(&work.learner, &trie) == FW_OK);
        check_trie(&trie, mode);
        check_written(&trie);
    }
    hint_trie_fini(&trie);
    hints_learner_fini(&work.learner);
}

static void read_trie(struct str text)
{
    struct hints_file file;
    struct fw_detail detail = {""};
    struct callpath_found found;
    struct str path[2] = {STR("a"), STR("b")};
    enum fw_err err = hints_json_read(&file, "fuzz", text, false, &detail);
    require(err == FW_OK || detail.text[0] != '\0' || err == FW_NOMEM);
    if (err == FW_OK) {
        struct compat_nat_hints nat;
        struct compat_relay_hints relay;
        struct callpath_hints hints;
        (void)hint_trie_find(&file.trie, path, 2, 1, &found);
        compat_nat_hints(found.prediction, &nat);
        callpath_hints(&found, 1, 0, &hints);
        if (found.prediction)
            compat_relay_request_hints(found.prediction, 1, &relay);
        hints_json_fini(&file);
    }
}

static void read_state(const uint8_t *data, size_t len)
{
    struct callpath *callpath = NULL;
    struct callpath_view *view = NULL;
    struct buf_reader reader = {data, len, 0, false};
    require(callpath_create(&callpath, &callpath_defaults, NULL) == FW_OK);
    if (callpath_load(callpath, &reader) == FW_OK) {
        require(callpath_view_create(&view, callpath) == FW_OK);
        callpath_view_free(&view);
    }
    callpath_free(&callpath);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > 1 << 16)
        return 0;
    struct str text = {(const char *)data + 1, len - 1};
    if (data[0] % 8 < 3)
        learn((enum hints_mode)(data[0] % 8), text);
    else if (data[0] % 8 == 3)
        read_trie(text);
    else
        read_state(data + 1, len - 1);
    return 0;
}
