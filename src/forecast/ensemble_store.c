/* SPDX-License-Identifier: MIT
 * The walk of an ensemble as bytes and back. Of the origins walked only those are kept whose
 * horizon is not over: errors are still to be learned of what was said there. */
#include "forecast/ensemble_part.h"

#include "base/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 3, KEPT_MAX = 1 << 20, HORIZON_MAX = 1 << 20, KEPT_ROWS = ROW_QUANTILES };
enum { CELLS_MAX = 1 << 26, DAYS_A_WEEK = 7, STEP_DAYS_MAX = 400 };
static const int64_t DAY_NS = INT64_C(86400) * 1000000000;

const struct members_plan *ensemble_plan(const struct ensemble *ensemble)
{
    return &ensemble->settings.plan;
}

bool ensemble_ends_early(const struct ensemble *ensemble)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    int k = ensemble->origin;
    return k < plan->count && members_origin(plan, k) != plan->first + k * plan->spacing;
}

static void put_doubles(struct buf *out, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_put_double(out, values[i]);
        out->failed = out->failed || !isfinite(values[i]);
    }
}

static void get_doubles(struct buf_reader *in, double *values, size_t count)
{
    for (size_t i = 0; i < count && !in->failed; i++) {
        values[i] = buf_get_double(in);
        in->failed = in->failed || !isfinite(values[i]);
    }
}

static void put_share(const struct share *share, struct buf *out)
{
    size_t count = (size_t)share->experts;
    put_doubles(out, share->weight, count);
    put_doubles(out, share->loss, count);
    put_doubles(out, share->past, count);
    put_doubles(out, &share->cases, 1);
    buf_put_u32(out, (uint32_t)share->updates);
}

static void put_errors(const struct conformal *errors, struct buf *out)
{
    int held = errors->count < CONFORMAL_ERRORS ? errors->count : CONFORMAL_ERRORS;
    buf_put_u32(out, (uint32_t)errors->count);
    put_doubles(out, errors->values, (size_t)held);
    put_doubles(out, errors->moved, CONFORMAL_LEVELS);
}

static void put_block(const struct block *block, struct buf *out)
{
    put_doubles(out, block->loss, MEMBERS_COUNT);
    put_doubles(out, block->beside, MEMBERS_COUNT);
    put_doubles(out, block->quick_loss, MEMBERS_COUNT);
    put_doubles(out, block->quick_cases, MEMBERS_COUNT);
    put_share(&block->members, out);
    put_share(&block->mixes, out);
    const double numbers[] = {block->size_sum,       block->size_cases,     block->total_error,
                              block->total_naive[0], block->total_naive[1], block->lowest,
                              block->highest};
    put_doubles(out, numbers, 7);
    buf_put_u32(out, (uint32_t)block->total_cases);
    buf_put_u32(out, (uint32_t)block->naive_cases[0]);
    buf_put_u32(out, (uint32_t)block->naive_cases[1]);
    put_share(&block->bands, out);
    for (int i = 0; i < BAND_COUNT; i++)
        put_errors(&block->errors[i], out);
}

static int get_count(struct buf_reader *in, uint32_t most)
{
    uint32_t value = buf_get_u32(in);
    in->failed = in->failed || value > most;
    return in->failed ? 0 : (int)value;
}

/* Into one that has its experts. */
static void get_share(struct share *share, struct buf_reader *in)
{
    size_t count = (size_t)share->experts;
    get_doubles(in, share->weight, count);
    get_doubles(in, share->loss, count);
    get_doubles(in, share->past, count);
    get_doubles(in, &share->cases, 1);
    share->updates = get_count(in, INT32_MAX / 2);
}

static void get_errors(struct conformal *errors, struct buf_reader *in)
{
    errors->count = get_count(in, INT32_MAX / 2);
    int held = errors->count < CONFORMAL_ERRORS ? errors->count : CONFORMAL_ERRORS;
    get_doubles(in, errors->values, (size_t)held);
    memcpy(errors->sorted, errors->values, (size_t)held * sizeof *errors->sorted);
    stats_sort_doubles(errors->sorted, (size_t)held);
    get_doubles(in, errors->moved, CONFORMAL_LEVELS);
}

static void get_block(struct block *block, struct buf_reader *in)
{
    get_doubles(in, block->loss, MEMBERS_COUNT);
    get_doubles(in, block->beside, MEMBERS_COUNT);
    get_doubles(in, block->quick_loss, MEMBERS_COUNT);
    get_doubles(in, block->quick_cases, MEMBERS_COUNT);
    get_share(&block->members, in);
    get_share(&block->mixes, in);
    double numbers[7] = {0};
    get_doubles(in, numbers, 7);
    block->size_sum = numbers[0];
    block->size_cases = numbers[1];
    block->total_error = numbers[2];
    block->total_naive[0] = numbers[3];
    block->total_naive[1] = numbers[4];
    block->lowest = numbers[5];
    block->highest = numbers[6];
    block->total_cases = get_count(in, INT32_MAX);
    block->naive_cases[0] = get_count(in, INT32_MAX);
    block->naive_cases[1] = get_count(in, INT32_MAX);
    get_share(&block->bands, in);
    for (int i = 0; i < BAND_COUNT; i++)
        get_errors(&block->errors[i], in);
}

/* The first origin whose horizon reaches beyond the latest one. */
static int first_kept(const struct ensemble *ensemble)
{
    const struct members_plan *plan = &ensemble->settings.plan;
    int latest = ensemble->origin - 1, back = (plan->horizon - 1) / plan->spacing;
    return latest > back ? latest - back : 0;
}

static void put_head(const struct ensemble *ensemble, int from, struct buf *out)
{
    const struct ensemble_settings *settings = &ensemble->settings;
    const struct members_plan *plan = &settings->plan;
    buf_put_u32(out, VERSION);
    buf_put_u32(out, MEMBERS_COUNT);
    buf_put_u32(out, MIX_COUNT);
    const int numbers[] = {plan->day,     plan->week,
                           plan->horizon, plan->first + from * plan->spacing,
                           plan->spacing, ensemble->origin - from};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_put_u32(out, (uint32_t)numbers[i]);
    buf_put_i64(out, plan->start_ns);
    buf_put_i64(out, plan->step_ns);
    buf_put_u32(out, plan->without);
    buf_put_u64(out, plan->seed);
    buf_put_double(out, settings->eagerness);
    buf_put_double(out, settings->half_life);
    buf_put_u8(out, settings->plain);
    buf_put_u8(out, settings->fixed != NULL);
    put_doubles(out, ensemble->fixed, MEMBERS_COUNT);
    buf_put_u8(out, ensemble->members.scale.logs);
    buf_put_double(out, ensemble->members.scale.added);
    buf_put_u32(out, (uint32_t)ensemble->walked);
    buf_put_double(out, ensemble->most);
}

enum fw_err ensemble_save(const struct ensemble *ensemble, struct buf *out,
                          struct fw_detail *detail)
{
    size_t horizon = (size_t)ensemble->settings.plan.horizon;
    int from = first_kept(ensemble);
    double *nothing = calloc(horizon, sizeof *nothing);
    if (nothing == NULL)
        return FW_NOMEM;
    put_head(ensemble, from, out);
    drift_save(&ensemble->drift, out);
    for (int i = 0; i < ENSEMBLE_BLOCKS; i++)
        put_block(&ensemble->blocks[i], out);
    put_doubles(out, ensemble->size_sum, 2 * horizon);
    for (int k = from; k < ensemble->origin - 1; k++) { /* the latest is asked again */
        buf_put_u32(out, ensemble->said[k]);
        buf_put_u8(out, ensemble->shaped[k]);
        for (int i = 0; i < KEPT_ROWS; i++) {
            bool silent = i < MEMBERS_COUNT && !(ensemble->said[k] >> i & 1);
            put_doubles(out, silent ? nothing : ensemble_row(ensemble, k, i), horizon);
        }
    }
    free(nothing);
    if (out->failed)
        return err_set(detail, FW_LIMIT,
                       "the model cannot be kept: it is too large, or its numbers are");
    return members_save(&ensemble->members, out, detail);
}

/* What the head says, for a series of n values. */
struct head {
    struct ensemble_settings settings;
    struct scale scale;
    double fixed[MEMBERS_COUNT], most;
    int kept, walked;
};

static bool flag(struct buf_reader *in)
{
    uint8_t value = buf_get_u8(in);
    in->failed = in->failed || value > 1;
    return value == 1;
}

static void get_head(struct head *head, struct buf_reader *in)
{
    struct members_plan *plan = &head->settings.plan;
    plan->day = get_count(in, FOURIER_PERIOD_MAX);
    plan->week = get_count(in, FOURIER_PERIOD_MAX);
    plan->horizon = get_count(in, HORIZON_MAX);
    plan->first = get_count(in, INT32_MAX / 2);
    plan->spacing = get_count(in, 7 * FOURIER_PERIOD_MAX);
    head->kept = get_count(in, KEPT_MAX);
    plan->start_ns = buf_get_i64(in);
    plan->step_ns = buf_get_i64(in);
    plan->without = buf_get_u32(in);
    plan->seed = buf_get_u64(in);
    get_doubles(in, &head->settings.eagerness, 1);
    get_doubles(in, &head->settings.half_life, 1);
    head->settings.plain = flag(in);
    bool fixed = flag(in);
    get_doubles(in, head->fixed, MEMBERS_COUNT);
    head->settings.fixed = fixed ? head->fixed : NULL;
    head->scale.logs = flag(in);
    get_doubles(in, &head->scale.added, 1);
    head->walked = get_count(in, INT32_MAX / 2);
    get_doubles(in, &head->most, 1);
    bool seasons =
        plan->week == 0 ? plan->day == 0 : plan->day == 0 || plan->week == DAYS_A_WEEK * plan->day;
    bool instants = plan->step_ns > 0 && plan->step_ns <= STEP_DAYS_MAX * DAY_NS &&
                    plan->start_ns > -(INT64_MAX / 2) && plan->start_ns < INT64_MAX / 2;
    in->failed =
        in->failed || plan->horizon < 1 || plan->first < 1 || plan->spacing < 1 || head->kept < 1 ||
        !seasons || !instants || !(head->settings.half_life > 0) ||
        (size_t)(head->kept - 1) * KEPT_ROWS * (size_t)plan->horizon * 8 > in->len - in->at;
}

/* Origins through the series' end, and what they may hold. */
static enum fw_err lay_out(struct head *head, const double *y, int n, struct fw_detail *detail)
{
    struct members_plan *plan = &head->settings.plan;
    int64_t latest = plan->first + (int64_t)(head->kept - 1) * plan->spacing;
    if (latest > n)
        return err_set(detail, FW_CORRUPT,
                       "the model is damaged: it foretells from step %lld of a series of %d",
                       (long long)latest, n);
    if (plan->step_ns > INT64_MAX / 4 / ((int64_t)n + plan->horizon))
        return err_set(detail, FW_CORRUPT, "the model is damaged: its series is too long");
    plan->count = head->kept + (int)((n - latest + plan->spacing - 1) / plan->spacing);
    if ((int64_t)plan->count * ROWS * plan->horizon > CELLS_MAX)
        return err_set(detail, FW_LIMIT, "%lld new steps are too many to go on with: train again",
                       (long long)(n - latest));
    plan->last = n; /* the series' end, in its turn or not */
    plan->scale = &head->scale;
    for (int t = (int)latest; t < n; t++)
        if (isfinite(y[t]) && head->scale.logs && !(y[t] + head->scale.added > 0))
            return err_set(detail, FW_INPUT,
                           "the model is of logarithms, and %g, %d steps behind what it was "
                           "trained on, has none: train again",
                           y[t], t - (int)latest + 1);
    return FW_OK;
}

static enum fw_err get_walk(struct ensemble *ensemble, const struct head *head,
                            struct buf_reader *in, struct fw_detail *detail)
{
    size_t horizon = (size_t)head->settings.plan.horizon;
    drift_load(&ensemble->drift, in);
    for (int i = 0; i < ENSEMBLE_BLOCKS && !in->failed; i++)
        get_block(&ensemble->blocks[i], in);
    get_doubles(in, ensemble->size_sum, 2 * horizon);
    for (int k = 0; k < head->kept - 1 && !in->failed; k++) {
        ensemble->said[k] = buf_get_u32(in);
        ensemble->shaped[k] = flag(in);
        get_doubles(in, ensemble_row(ensemble, k, 0), KEPT_ROWS * horizon);
    }
    if (in->failed)
        return err_set(detail, FW_CORRUPT, "the model is damaged or ends early");
    ensemble->most = head->most;
    ensemble->walked = head->walked;
    ensemble->origin = head->kept - 1;
    ensemble->again = true;
    return members_load(&ensemble->members, in, detail);
}

enum fw_err ensemble_load(struct ensemble **out, const double *y, int n,
                          const struct members_prophet *prophet, struct buf_reader *in,
                          struct fw_detail *detail)
{
    struct head head = {.settings.plan.prophet = prophet};
    uint32_t version = buf_get_u32(in);
    if (!in->failed && version != VERSION)
        return err_set(detail, FW_VERSION, "the model has version %u, expected %d", version,
                       (int)VERSION);
    uint32_t members = buf_get_u32(in), mixes = buf_get_u32(in);
    if (members != MEMBERS_COUNT || mixes != MIX_COUNT)
        return err_set(detail, FW_VERSION,
                       "the model was trained by a forewarm with other members: train again");
    get_head(&head, in);
    if (in->failed)
        return err_set(detail, FW_CORRUPT, "the model is damaged in its head");
    FW_TRY(lay_out(&head, y, n, detail));
    struct ensemble *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    enum fw_err err = ensemble_reserve(made, y, n, &head.settings, detail);
    made->settings.plan.scale = NULL; /* was of the head */
    if (err == FW_OK)
        err = get_walk(made, &head, in, detail);
    if (err != FW_OK) {
        ensemble_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}
