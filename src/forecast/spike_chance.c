/* SPDX-License-Identifier: MIT */
#include "forecast/spike_chance.h"

#include <math.h>
#include <stdlib.h>

enum {
    PAST_MIN = 30,       /* spikes to learn from */
    CAME_MIN = 8,        /* spikes among the cases of a stage, to judge by */
    ROWS_MAX = 20000,    /* the latest are learned from */
    CALIBRATE_SHARE = 4, /* of them the last fourth is calibrated on */
};
#define BETTER  .95 /* of the other's score: what is no better is not taken */
#define HIGHEST 20. /* times the usual: what is higher counts as that in the mean height */

static bool day_fits(int day)
{
    return day >= SPIKES_DAY_MIN && day <= SPIKES_DAY_MAX && day % 4 == 0;
}

static struct spikes_rules rules_of(const struct spike_chance *chance, int ahead, double times)
{
    return (struct spikes_rules){.times = times, .ahead = ahead, .day = chance->day};
}

void spike_chance_init(struct spike_chance *chance, const double *y, int n, int day, double times)
{
    *chance = (struct spike_chance){.day = day_fits(day) ? day : 0, .times = times};
    struct spikes_rules rules = rules_of(chance, 1, times);
    double sum = 0;
    if (chance->day == 0)
        return;
    chance->stages[0].ahead = 1;
    chance->stages[1].ahead = day / 4;
    chance->stages[2].ahead = day;
    for (int t = n > ROWS_MAX ? n - ROWS_MAX : 2 * day; t < n; t++) {
        double reference = spikes_reference(y, t, &rules);
        if (!(reference > 0) || !(y[t] > times * reference))
            continue;
        chance->past++;
        sum += fmin(y[t] / reference, HIGHEST);
    }
    if (chance->past > 0)
        chance->times = fmax(sum / chance->past, times);
}

bool spike_chance_may(const struct spike_chance *chance)
{
    return chance->day > 0 && chance->past >= PAST_MIN;
}

struct data {
    const double *y;
    int n, first;
    double times;
    uint64_t seed;
};
struct cases {
    const struct spike_case *rows;
    size_t count;
};

/* Trees for one stage from the latest of n values. FW_INPUT: too few spikes. */
static enum fw_err learn(const struct spike_chance *chance, const struct spike_stage *stage,
                         const struct data *data, int n, struct spikes **trees,
                         struct spikes_size **size, struct fw_detail *detail)
{
    int rows = n < ROWS_MAX ? n : ROWS_MAX;
    struct spikes_series series = {data->y + n - rows, rows};
    struct spikes_settings settings = spikes_defaults;
    settings.rules = rules_of(chance, stage->ahead, data->times);
    settings.calibrate = rows / CALIBRATE_SHARE;
    settings.seed = (uint32_t)data->seed;
    FW_TRY(spikes_train(trees, &series, 1, &settings, detail));
    if (size == NULL)
        return FW_OK;
    enum fw_err err = spikes_size_train(size, &series, 1, &settings, detail);
    return err == FW_INPUT ? FW_OK : err; /* too few to tell heights apart: their mean serves */
}

static int stage_of(const struct spike_chance *chance, int ahead)
{
    int stage = 0;
    while (stage < SPIKE_CHANCE_STAGES && chance->stages[stage].ahead < ahead)
        stage++;
    return stage;
}

struct tally {
    double own, other;
    int cases, came;
};

static void count_case(struct tally *tally, double own, double other, bool came)
{
    tally->own += (own - came) * (own - came);
    tally->other += (other - came) * (other - came);
    tally->cases++;
    tally->came += came;
}

/* Against what errors said at the origins. `said[t - first]` is what the trees said of t. */
static struct tally beside_errors(const struct spike_chance *chance, int number,
                                  const struct data *data, const struct cases *cases,
                                  const double *said)
{
    struct tally tally = {0};
    for (size_t i = 0; i < cases->count; i++) {
        const struct spike_case *one = &cases->rows[i];
        if (stage_of(chance, one->ahead) != number || one->target < data->first)
            continue;
        double p = said[one->target - data->first];
        count_case(&tally, isfinite(p) ? p : one->said, one->said, one->came);
    }
    return tally;
}

static bool spiked(const struct spikes_rules *rules, const double *y, int t, bool *came)
{
    double reference = spikes_reference(y, t - rules->ahead + 1, rules);
    *came = y[t] > rules->times * reference;
    return isfinite(y[t]) && reference > 0;
}

/* Against the share of spikes before, at every step. */
static struct tally beside_share(const struct spikes_rules *rules, const struct data *data,
                                 const double *said)
{
    struct tally tally = {0};
    double share = 0, steps = 0;
    bool came;
    for (int t = data->first > ROWS_MAX ? data->first - ROWS_MAX : 2 * rules->day; t < data->first;
         t++)
        if (spiked(rules, data->y, t, &came)) {
            share += came;
            steps++;
        }
    share = steps > 0 ? share / steps : 0;
    for (int t = data->first; t < data->n; t++)
        if (isfinite(said[t - data->first]) && spiked(rules, data->y, t, &came))
            count_case(&tally, said[t - data->first], share, came);
    return tally;
}

static bool better(const struct tally *tally)
{
    return tally->own < BETTER * tally->other;
}

/* Trained on what was before the first case and judged behind it. True: it was better. */
static enum fw_err try_stage(struct spike_chance *chance, int number, const struct data *data,
                             const struct cases *cases, bool *was_better, struct fw_detail *detail)
{
    struct spike_stage *stage = &chance->stages[number];
    struct spikes_rules rules = rules_of(chance, stage->ahead, data->times);
    struct spikes *before = NULL;
    int rows = data->n - data->first;
    double *said = malloc(((size_t)rows + 1) * sizeof *said);
    *was_better = false;
    enum fw_err err =
        said == NULL ? FW_NOMEM : learn(chance, stage, data, data->first, &before, NULL, detail);
    if (err == FW_OK) /* known at the first target */
        err = spikes_predict(before, data->y, data->first - stage->ahead + 1, rows, said, detail);
    if (err == FW_OK) {
        struct tally share = beside_share(&rules, data, said);
        struct tally errors = beside_errors(chance, number, data, cases, said);
        struct tally *told = errors.came >= CAME_MIN ? &errors : &share;
        *was_better =
            share.came >= CAME_MIN && better(&share) && (errors.came < CAME_MIN || better(&errors));
        stage->cases = told->cases;
        stage->came = told->came;
        stage->score = told->cases > 0 ? told->own / told->cases : 0;
        stage->without = told->cases > 0 ? told->other / told->cases : 0;
    }
    spikes_free(&before);
    free(said);
    return err;
}

enum fw_err spike_chance_train(struct spike_chance *chance, const double *y, int n, int first,
                               const struct spike_case *rows, size_t count, double times,
                               uint64_t seed, struct fw_detail *detail)
{
    struct data data = {y, n, first, times, seed};
    struct cases cases = {rows, count};
    bool was_better;
    for (int i = 0; i < SPIKE_CHANCE_STAGES && spike_chance_may(chance); i++) {
        struct spike_stage *stage = &chance->stages[i];
        if (first <= 4 * chance->day || first < stage->ahead)
            continue;
        enum fw_err err = try_stage(chance, i, &data, &cases, &was_better, detail);
        if (err == FW_OK && was_better)
            err = learn(chance, stage, &data, n, &stage->chance, &stage->size, detail);
        if (err != FW_OK && err != FW_INPUT)
            return err;
    }
    return FW_OK;
}

enum fw_err spike_chance_say(struct spike_chance *chance, const double *y, int n, int horizon,
                             double *p, double *times, struct fw_detail *detail)
{
    double high[SPIKES_SIZE_LEVELS];
    for (int h = 1; h <= horizon; h++) {
        int number = stage_of(chance, h);
        p[h - 1] = NAN;
        times[h - 1] = chance->times;
        if (chance->day == 0 || number == SPIKE_CHANCE_STAGES)
            continue;
        struct spike_stage *stage = &chance->stages[number];
        int known = n + h - stage->ahead;
        if (stage->chance == NULL || known < 1)
            continue;
        FW_TRY(spikes_predict(stage->chance, y, known, 1, &p[h - 1], detail));
        if (stage->size == NULL)
            continue;
        FW_TRY(spikes_size_predict(stage->size, y, known, 1, high, detail));
        if (isfinite(high[0]))
            times[h - 1] = high[0];
    }
    return FW_OK;
}

void spike_chance_fini(struct spike_chance *chance)
{
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++) {
        spikes_free(&chance->stages[i].chance);
        spikes_size_free(&chance->stages[i].size);
    }
}

/* ---- as bytes ---- */

enum { VERSION = 1 };

enum fw_err spike_chance_save(const struct spike_chance *chance, struct buf *out,
                              struct fw_detail *detail)
{
    buf_put_u32(out, VERSION);
    buf_put_u32(out, (uint32_t)chance->day);
    buf_put_u32(out, (uint32_t)chance->past);
    buf_put_double(out, chance->times);
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++) {
        const struct spike_stage *stage = &chance->stages[i];
        buf_put_u32(out, (uint32_t)stage->ahead);
        buf_put_u32(out, (uint32_t)stage->cases);
        buf_put_u32(out, (uint32_t)stage->came);
        buf_put_double(out, stage->score);
        buf_put_double(out, stage->without);
        buf_put_u8(out, stage->chance != NULL);
        buf_put_u8(out, stage->size != NULL);
        if (stage->chance != NULL)
            FW_TRY(spikes_save(stage->chance, out, detail));
        if (stage->size != NULL)
            FW_TRY(spikes_size_save(stage->size, out, detail));
    }
    return out->failed ? err_set(detail, FW_LIMIT, "the model is larger than memory allows")
                       : FW_OK;
}

static int count_of(struct buf_reader *in)
{
    uint32_t value = buf_get_u32(in);
    in->failed = in->failed || value > INT32_MAX;
    return in->failed ? 0 : (int)value;
}

static enum fw_err get_stage(struct spike_stage *stage, const struct spike_chance *chance,
                             struct buf_reader *in, struct fw_detail *detail)
{
    stage->ahead = count_of(in);
    stage->cases = count_of(in);
    stage->came = count_of(in);
    stage->score = buf_get_double(in);
    stage->without = buf_get_double(in);
    uint8_t trees = buf_get_u8(in), size = buf_get_u8(in);
    if (in->failed || trees > 1 || size > trees || !isfinite(stage->score) ||
        !isfinite(stage->without) || stage->ahead > chance->day)
        return err_set(detail, FW_CORRUPT, "the model is damaged in what it knows of spikes");
    if (trees == 1)
        FW_TRY(spikes_load(&stage->chance, in, detail));
    if (trees == 1) {
        const struct spikes_rules *rules = spikes_rules_of(stage->chance);
        if (rules->ahead != stage->ahead || rules->day != chance->day)
            return err_set(detail, FW_CORRUPT, "the model is damaged in what it knows of spikes");
    }
    return size == 1 ? spikes_size_load(&stage->size, in, detail) : FW_OK;
}

enum fw_err spike_chance_load(struct spike_chance *chance, struct buf_reader *in,
                              struct fw_detail *detail)
{
    *chance = (struct spike_chance){0};
    uint32_t version = buf_get_u32(in);
    if (!in->failed && version != VERSION)
        return err_set(detail, FW_VERSION, "the model of spikes has version %u, expected %d",
                       version, (int)VERSION);
    chance->day = count_of(in);
    chance->past = count_of(in);
    chance->times = buf_get_double(in);
    if (in->failed || (chance->day != 0 && !day_fits(chance->day)) || !(chance->times > 0) ||
        !isfinite(chance->times))
        return err_set(detail, FW_CORRUPT, "the model is damaged in what it knows of spikes");
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++)
        FW_TRY(get_stage(&chance->stages[i], chance, in, detail));
    return FW_OK;
}

/* ---- in words ---- */

struct spike_verdict spike_chance_verdict(const struct spike_chance *chance)
{
    struct spike_verdict verdict = {.past = chance->past, .times = chance->times};
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++) {
        const struct spike_stage *stage = &chance->stages[i];
        verdict.stages[i].ahead = stage->ahead;
        verdict.stages[i].by_trees = stage->chance != NULL;
        verdict.stages[i].score = stage->score;
        verdict.stages[i].without = stage->without;
    }
    return verdict;
}

void spike_chance_describe(const struct spike_verdict *verdict, struct buf *out)
{
    char a[STR_NUMBER_MAX], b[STR_NUMBER_MAX];
    bool any = false;
    if (verdict->past == 0) {
        buf_add_text(out, "spikes: none in its past; how likely one is follows from the errors of "
                          "the forecast\n");
        return;
    }
    buf_printf(out, "spikes: %d in its past, %s times the usual on average; how likely one is ",
               verdict->past, str_from_fixed(verdict->times, 1, a));
    for (int i = 0; i < SPIKE_CHANCE_STAGES; i++) {
        if (!verdict->stages[i].by_trees)
            continue;
        buf_printf(out, "%s%d steps ahead boosted trees say (Brier %s, without them %s)",
                   any ? ", " : "up to ", verdict->stages[i].ahead,
                   str_from_fixed(verdict->stages[i].score, 4, a),
                   str_from_fixed(verdict->stages[i].without, 4, b));
        any = true;
    }
    buf_add_text(out, any ? "; else it follows from the errors of the forecast\n"
                          : "follows from the errors of the forecast\n");
}
