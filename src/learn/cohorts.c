/* SPDX-License-Identifier: MIT */
#include "learn/cohorts.h"
#include "base/buf.h"
#include "base/grow.h"
#include "base/time.h"
#include <stdlib.h>
#include <string.h>

enum { SEEN_LEAST = 2, SEEN_MOST = 4, KEY_MAX = COHORT_SIZE_MAX * (CALLPATH_NAME_MAX + 1) };
#define WAIT_MOST (150 * TIME_MILLISECOND)

void cohorts_init(struct cohorts *cohorts)
{
    *cohorts = (struct cohorts){.of = NULL};
    table_init(&cohorts->keys, COHORTS_MAX);
}

void cohorts_fini(struct cohorts *cohorts)
{
    table_fini(&cohorts->keys);
    free(cohorts->of);
    *cohorts = (struct cohorts){.of = NULL};
}

/* ---- learning ---- */

struct tool {
    int64_t start_ns, end_ns;
    uint32_t call;
    struct str name;
};

static int compare_starts(const void *a, const void *b)
{
    const struct tool *left = a, *right = b;
    if (left->start_ns != right->start_ns)
        return left->start_ns < right->start_ns ? -1 : 1;
    return left->call < right->call ? -1 : left->call > right->call;
}

static int compare_names(const void *a, const void *b)
{
    const struct str *left = a, *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    int order = len > 0 ? memcmp(left->data, right->data, len) : 0;
    return order != 0 ? order : left->len < right->len ? -1 : left->len > right->len;
}

static enum fw_err note(struct cohorts *cohorts, const struct tool *active, uint32_t count)
{
    struct str names[COHORT_SIZE_MAX];
    struct buf key;
    uint32_t number = 0;
    bool added = false;
    for (uint32_t i = 0; i < count; i++)
        names[i] = active[i].name;
    qsort(names, count, sizeof *names, compare_names);
    buf_init(&key, KEY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&key, '|');
        buf_add_str(&key, names[i]);
    }
    enum fw_err err =
        key.failed ? FW_NOMEM : table_add(&cohorts->keys, buf_str(&key), &number, &added);
    buf_fini(&key);
    if (err == FW_LIMIT) {
        cohorts->left_out++;
        return FW_OK;
    }
    FW_TRY(err);
    if (number >= cohorts->capacity) {
        uint64_t capacity = grow_capacity(cohorts->capacity, number + UINT64_C(1), COHORTS_MAX);
        struct cohort *of = realloc(cohorts->of, (size_t)capacity * sizeof *of);
        if (!of)
            return FW_NOMEM;
        cohorts->of = of;
        cohorts->capacity = (uint32_t)capacity;
    }
    if (added)
        cohorts->of[number] = (struct cohort){count, 0};
    cohorts->of[number].seen++;
    return FW_OK;
}

/* One after the other by start: those that ended leave, and with who stays a cohort is seen. */
static enum fw_err sweep(struct cohorts *cohorts, const struct tool *tools, uint32_t count)
{
    struct tool active[COHORT_SIZE_MAX];
    uint32_t running = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t stay = 0;
        for (uint32_t a = 0; a < running; a++)
            if (active[a].end_ns > tools[i].start_ns)
                active[stay++] = active[a];
        running = stay;
        if (running == COHORT_SIZE_MAX) {
            cohorts->left_out++;
            continue;
        }
        active[running++] = tools[i];
        if (running > 1)
            FW_TRY(note(cohorts, active, running));
    }
    return FW_OK;
}

enum fw_err cohorts_learn(struct cohorts *cohorts, const struct callpath_run *run)
{
    struct tool *tools = calloc((size_t)run->count + 1, sizeof *tools);
    uint32_t count = 0;
    if (!tools)
        return FW_NOMEM;
    for (uint32_t i = 0; i < run->count; i++) {
        const struct callpath_call *call = &run->calls[i];
        if (call->kind == CALLPATH_TOOL && call->end_ns != CALLPATH_OPEN)
            tools[count++] =
                (struct tool){call->start_ns, call->end_ns, i, call->path[call->depth - 1]};
    }
    qsort(tools, count, sizeof *tools, compare_starts);
    enum fw_err err = sweep(cohorts, tools, count);
    free(tools);
    return err;
}

/* ---- the gate ---- */

/* More than this, of prefix times followers times sightings, is worth the wait. */
static uint64_t price(uint64_t followers)
{
    return 12 + 4 * followers * followers;
}

bool cohorts_warm_first(uint64_t prefix_len, uint32_t size, uint64_t seen)
{
    uint64_t from = cohorts_warm_first_from(size, seen);
    return from > 0 && prefix_len >= from;
}

uint64_t cohorts_warm_first_from(uint32_t size, uint64_t seen)
{
    if (size < 2 || seen < SEEN_LEAST)
        return 0;
    uint64_t followers = size - UINT64_C(1), weight = seen < SEEN_MOST ? seen : SEEN_MOST;
    return price(followers) / (followers * weight) + 1;
}

int64_t cohorts_wait_ns(int64_t expected_ns, int64_t passed_ns)
{
    int64_t most_ns = expected_ns < WAIT_MOST ? expected_ns : WAIT_MOST;
    return passed_ns < most_ns ? most_ns - (passed_ns > 0 ? passed_ns : 0) : 0;
}
