/* SPDX-License-Identifier: MIT */
#include "plan/prefetch.h"
#include <string.h>

void prefetch_init(struct prefetch *prefetch)
{
    memset(prefetch, 0, sizeof *prefetch);
    map64_init(&prefetch->index, PREFETCH_WATCHED_MAX);
}

void prefetch_fini(struct prefetch *prefetch)
{
    map64_fini(&prefetch->index);
}

bool prefetch_account_holds(const struct prefetch_account *account)
{
    return account->issued == account->used + account->late + account->unused + account->pending;
}

static void judge(struct prefetch *prefetch, struct prefetch_watch *watch, bool right)
{
    watch->open = false;
    watch->right = right;
    map64_remove(&prefetch->index, watch->key, NULL);
}

/* Counts the verdict on the oldest guess. In order: counted as soon as known, the right ones would
 * come first and every class would look good for a while. */
static void drop_oldest(struct prefetch *prefetch)
{
    struct prefetch_watch *watch = &prefetch->watched[prefetch->oldest];
    struct prefetch_class *class = &prefetch->classes[watch->class];
    if (watch->open)
        judge(prefetch, watch, false);
    class->judged++;
    class->right += watch->right;
    if (class->judged >= PREFETCH_REMEMBERED_MAX) {
        class->judged /= 2;
        class->right /= 2;
    }
    prefetch->oldest = (prefetch->oldest + 1) % PREFETCH_WATCHED_MAX;
    prefetch->count--;
}

void prefetch_request(struct prefetch *prefetch, uint64_t key)
{
    prefetch->sequence++;
    uint64_t at;
    if (map64_get(&prefetch->index, key, &at)) {
        struct prefetch_watch *watch = &prefetch->watched[at];
        judge(prefetch, watch, prefetch->sequence <= watch->until);
    }
    while (prefetch->count > 0 && (!prefetch->watched[prefetch->oldest].open ||
                                   prefetch->watched[prefetch->oldest].until < prefetch->sequence))
        drop_oldest(prefetch);
}

void prefetch_wasted(struct prefetch *prefetch, uint64_t key)
{
    uint64_t at;
    if (map64_get(&prefetch->index, key, &at))
        judge(prefetch, &prefetch->watched[at], false);
}

uint32_t prefetch_depth(const struct stride_run *run, int64_t load_ns)
{
    if (run->steps < 2)
        return 1;
    int64_t gap_ns = run->gap_ns > 0 ? run->gap_ns : 1;
    int64_t steps = load_ns / gap_ns + 1 + (load_ns % gap_ns != 0);
    return steps < PREFETCH_AHEAD_MAX ? (uint32_t)steps : PREFETCH_AHEAD_MAX;
}

/* 0, 1, 2, 3-4, 5-8, ... and everything longer: runs that went on for twice as long are alike. */
static uint32_t doublings(uint32_t number, uint32_t classes)
{
    uint32_t class = 0;
    while (class + 1 < classes && number > (class == 0 ? 0 : UINT32_C(1) << (class - 1)))
        class ++;
    return class;
}

static uint32_t class_of(const struct stride_run *run, uint32_t ahead)
{
    bool neighbour = run->stride == 1 || run->stride == UINT64_MAX;
    return ((uint32_t)neighbour * PREFETCH_STEP_CLASSES +
            doublings(run->steps, PREFETCH_STEP_CLASSES)) *
               PREFETCH_AHEAD_CLASSES +
           doublings(ahead - 1, PREFETCH_AHEAD_CLASSES);
}

static void watch_guess(struct prefetch *prefetch, uint64_t key, uint64_t within, uint32_t class)
{
    uint64_t at;
    if (map64_get(&prefetch->index, key, &at))
        return; /* judged as the guess it was first */
    if (prefetch->count == PREFETCH_WATCHED_MAX)
        drop_oldest(prefetch);
    at = (prefetch->oldest + prefetch->count) % PREFETCH_WATCHED_MAX;
    if (map64_set(&prefetch->index, key, at) != FW_OK)
        return; /* a guess that is not judged teaches nothing, and harms nothing */
    prefetch->watched[at] =
        (struct prefetch_watch){key, prefetch->sequence + within, class, true, false};
    prefetch->count++;
}

bool prefetch_worth(struct prefetch *prefetch, const struct stride_run *run, uint32_t ahead)
{
    uint32_t number = class_of(run, ahead);
    uint64_t gap = run->gap < PREFETCH_WITHIN_MAX ? run->gap : PREFETCH_WITHIN_MAX;
    uint64_t within = PREFETCH_WITHIN_MIN + PREFETCH_WITHIN_STEPS * gap * ahead;
    within = within < PREFETCH_WITHIN_MAX ? within : PREFETCH_WITHIN_MAX;
    watch_guess(prefetch, run->last + run->stride * ahead, within, number);
    const struct prefetch_class *class = &prefetch->classes[number];
    return class->right * 10 >= (class->judged + PREFETCH_DOUBT) * PREFETCH_ACCURACY_TENTHS;
}
