/* SPDX-License-Identifier: MIT */
#include "plan/prefetch.h"
#include <string.h>

const struct admission_settings prefetch_admission = {
    .concurrent = PREFETCH_WATCHED_MAX, .waste_share = 0, .load_price = 7.0 / 3};

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
    if (run->steps < 1)
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

static uint32_t class_of(enum prefetch_source source, uint32_t steps, uint64_t ahead)
{
    uint32_t far = ahead < UINT32_MAX ? (uint32_t)ahead : UINT32_MAX;
    return (uint32_t)source * PREFETCH_PER_SOURCE +
           doublings(steps, PREFETCH_STEP_CLASSES) * PREFETCH_AHEAD_CLASSES +
           doublings(far - 1, PREFETCH_AHEAD_CLASSES);
}

static uint64_t within_of(uint64_t requests)
{
    uint64_t far = requests < PREFETCH_WITHIN_MAX ? requests : PREFETCH_WITHIN_MAX;
    uint64_t within = PREFETCH_WITHIN_MIN + PREFETCH_WITHIN_STEPS * far;
    return within < PREFETCH_WITHIN_MAX ? within : PREFETCH_WITHIN_MAX;
}

static uint32_t saves_of(int64_t lead_ns, int64_t load_ns)
{
    if (lead_ns >= load_ns)
        return PREFETCH_SAVES_ALL;
    return lead_ns <= 0 ? 0 : (uint32_t)((double)lead_ns / (double)load_ns * PREFETCH_SAVES_ALL);
}

struct prefetch_guess prefetch_guess_run(const struct stride_run *run, uint32_t ahead,
                                         int64_t load_ns)
{
    bool neighbour = run->stride == 1 || run->stride == UINT64_MAX;
    uint64_t gap = run->gap < PREFETCH_WITHIN_MAX ? run->gap : PREFETCH_WITHIN_MAX;
    int64_t lead_ns =
        run->gap_ns < INT64_MAX / PREFETCH_AHEAD_MAX ? run->gap_ns * (int64_t)ahead : INT64_MAX;
    return (struct prefetch_guess){
        .key = run->last + run->stride * ahead,
        .class = class_of(neighbour ? PREFETCH_NEIGHBOUR : PREFETCH_FAR_STRIDE, run->steps, ahead),
        .saves = run->steps > 0 ? saves_of(lead_ns, load_ns) : PREFETCH_SAVES_ALL,
        .within = within_of(gap * ahead)};
}

struct prefetch_guess prefetch_guess_stream(const struct stream *stream,
                                            const struct stream_event *now,
                                            const struct stream_event *then, uint64_t number,
                                            int64_t load_ns)
{
    return (struct prefetch_guess){
        .key = then->key,
        .class = class_of(PREFETCH_STREAM, stream->steps, number - stream->at),
        .saves = saves_of(then->at_ns - now->at_ns, load_ns),
        .within = within_of(number - stream->at)};
}

struct prefetch_guess prefetch_guess_pair(const struct pairs_context *context, int order, int next,
                                          uint64_t apart)
{
    uint32_t count = context->counts[next];
    uint32_t sure = count * PREFETCH_AHEAD_CLASSES / (context->visits + 1u);
    return (struct prefetch_guess){
        .key = context->next[next],
        .class = (order == 1 ? PREFETCH_PAIR : PREFETCH_PAIR2) * PREFETCH_PER_SOURCE +
                 doublings(count, PREFETCH_STEP_CLASSES) * PREFETCH_AHEAD_CLASSES + sure,
        .saves = PREFETCH_SAVES_ALL,
        .within = within_of(apart)};
}

static void watch_guess(struct prefetch *prefetch, const struct prefetch_guess *guess)
{
    uint64_t at;
    if (map64_get(&prefetch->index, guess->key, &at))
        return; /* judged as the guess it was first */
    if (prefetch->count == PREFETCH_WATCHED_MAX)
        drop_oldest(prefetch);
    at = (prefetch->oldest + prefetch->count) % PREFETCH_WATCHED_MAX;
    if (map64_set(&prefetch->index, guess->key, at) != FW_OK)
        return; /* a guess that is not judged teaches nothing, and harms nothing */
    prefetch->watched[at] = (struct prefetch_watch){guess->key, prefetch->sequence + guess->within,
                                                    guess->class, true, false};
    prefetch->count++;
}

enum prefetch_verdict prefetch_judge(struct prefetch *prefetch, struct admission *admission,
                                     const struct prefetch_guess *guess, int64_t load_ns,
                                     double *worth)
{
    watch_guess(prefetch, guess);
    const struct prefetch_class *class = &prefetch->classes[guess->class];
    double right = (double)class->right / (double)(class->judged + PREFETCH_DOUBT);
    struct admission_case of = {.probability = right,
                                .weight = 1,
                                .saved_ns = load_ns,
                                .load_ns = (int64_t)((1 - right) * (double)load_ns),
                                .bytes = 1};
    if (!(admission_worth(admission, &of) > 0))
        return PREFETCH_DOUBTED;
    of.saved_ns = (int64_t)((double)load_ns * guess->saves / PREFETCH_SAVES_ALL);
    *worth = admission_worth(admission, &of);
    return admission_wants(admission, *worth) ? PREFETCH_WORTH : PREFETCH_TOO_LATE;
}
