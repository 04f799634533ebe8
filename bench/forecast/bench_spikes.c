/* SPDX-License-Identifier: MIT
 * The spike classifier over series from a file (doubles, series after series, NaN: missing): learns
 * and calibrates before FROM, says a probability for every step from FROM to TO, and tells how good
 * those were, one line a kind of rows: all, and those of steps at which the series was not spiking
 * when it was asked (onsets). And how high the spikes were against what was said of that.
 * Usage: bench_spikes SERIES LENGTH FROM TO CALIBRATE TIMES AHEAD IN */
#include "base/stats.h"
#include "forecast/probability.h"
#include "forecast/spikes_size.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct said {
    double *p;
    bool *happened, *spiking;
    int count;
};

static void keep(struct said *said, const double *y, int known, const struct spikes_rules *rules,
                 double p)
{
    double actual = y[known + rules->ahead - 1];
    struct spikes_rules next = *rules;
    next.ahead = 1;
    if (!isfinite(p) || !isfinite(actual))
        return;
    said->p[said->count] = p;
    said->happened[said->count] = actual > rules->times * spikes_reference(y, known, rules);
    said->spiking[said->count] =
        y[known - 1] > rules->times * spikes_reference(y, known - 1, &next);
    said->count++;
}

static int print(const char *name, const double *p, const bool *happened, int count)
{
    struct probability_score score;
    if (probability_score(&score, p, happened, count) != FW_OK)
        return 3;
    printf("{\"rows\":\"%s\",\"count\":%d,\"hits\":%d,\"ap\":%.4f,\"r80\":%.4f,\"r95\":%.4f,"
           "\"brier\":%.5f,\"base\":%.5f,\"bins\":[",
           name, score.rows, score.hits, score.hits > 0 ? score.average_precision : 0,
           score.recall_80, score.recall_95, score.brier, score.base);
    for (int i = 0; i < PROBABILITY_BINS; i++)
        printf("%s[%d,%.4f,%.4f]", i > 0 ? "," : "", score.bins[i].rows,
               score.bins[i].rows > 0 ? score.bins[i].said : 0,
               score.bins[i].rows > 0 ? score.bins[i].came : 0);
    puts("]}");
    return 0;
}

static int report(struct said *said)
{
    int status = print("all", said->p, said->happened, said->count), rule = 0, right = 0, hits = 0;
    int onsets = 0;
    for (int i = 0; i < said->count; i++) {
        rule += said->spiking[i];
        right += said->spiking[i] && said->happened[i];
        hits += said->happened[i];
        if (said->spiking[i])
            continue;
        said->p[onsets] = said->p[i];
        said->happened[onsets++] = said->happened[i];
    }
    if (status == 0)
        status = print("onsets", said->p, said->happened, onsets);
    printf("{\"rows\":\"still\",\"precision\":%.4f,\"recall\":%.4f}\n",
           rule > 0 ? (double)right / rule : 0, hits > 0 ? (double)right / hits : 0);
    return status;
}

static enum fw_err say_all(struct said *said, const struct spikes_series *series, int count, int to,
                           const struct spikes_settings *settings, struct fw_detail *detail)
{
    struct spikes *spikes = NULL;
    FW_TRY(spikes_train(&spikes, series, count, settings, detail));
    int from = series[0].n, first = from - settings->rules.ahead + 1;
    double *p = calloc((size_t)(to - from), sizeof *p);
    enum fw_err err = p != NULL ? FW_OK : FW_NOMEM;
    for (int i = 0; i < count && err == FW_OK; i++) {
        err = spikes_predict(spikes, series[i].y, first, to - from, p, detail);
        for (int k = 0; k < to - from && err == FW_OK; k++)
            keep(said, series[i].y, first + k, &settings->rules, p[k]);
    }
    free(p);
    spikes_free(&spikes);
    return err;
}

/* ---- sizes ---- */

struct sizes {
    double *over; /* of spikes known: times the reference */
    double covered[SPIKES_SIZE_LEVELS], loss[SPIKES_SIZE_LEVELS], plain[SPIKES_SIZE_LEVELS];
    int known, spikes;
};

static double pinball(double error, double level)
{
    return error > 0 ? level * error : (level - 1) * error;
}

/* How many times the reference a spike is that comes at step `at`; 0: none does. */
static double size_at(const double *y, int at, const struct spikes_rules *rules)
{
    double times = y[at] / spikes_reference(y, at - rules->ahead + 1, rules);
    return isfinite(times) && times > rules->times ? times : 0;
}

static void compare(struct sizes *sizes, const double *y, int from, int to, const double *times,
                    const struct spikes_rules *rules)
{
    for (int at = from; at < to; at++) {
        double size = size_at(y, at, rules);
        if (size <= 0 || !isfinite(times[at - from]))
            continue;
        sizes->spikes++;
        for (int i = 0; i < SPIKES_SIZE_LEVELS; i++) {
            double said = times[(long)i * (to - from) + at - from], level = spikes_size_levels[i];
            double always = stats_quantile(sizes->over, (size_t)sizes->known, level);
            sizes->covered[i] += size <= said;
            sizes->loss[i] += pinball(log(size / said), level);
            sizes->plain[i] += pinball(log(size / always), level);
        }
    }
}

/* Losses beside those of saying the same quantile of all earlier spikes always. */
static enum fw_err say_sizes(const struct spikes_series *series, int count, int to,
                             const struct spikes_settings *settings, struct sizes *sizes,
                             struct fw_detail *detail)
{
    struct spikes_size *model = NULL;
    int from = series[0].n, day = 2 * settings->rules.day;
    FW_TRY(spikes_size_train(&model, series, count, settings, detail));
    double *times = calloc((size_t)(to - from) * SPIKES_SIZE_LEVELS, sizeof *times);
    sizes->over = calloc((size_t)count * (size_t)from, sizeof *sizes->over);
    enum fw_err err = times != NULL && sizes->over != NULL ? FW_OK : FW_NOMEM;
    for (int i = 0; i < count && err == FW_OK; i++)
        for (int at = day + settings->rules.ahead; at < from; at++) {
            double size = size_at(series[i].y, at, &settings->rules);
            if (size > 0)
                sizes->over[sizes->known++] = size;
        }
    if (err == FW_OK)
        stats_sort_doubles(sizes->over, (size_t)sizes->known);
    for (int i = 0; i < count && err == FW_OK; i++) {
        err = spikes_size_predict(model, series[i].y, from - settings->rules.ahead + 1, to - from,
                                  times, detail);
        if (err == FW_OK)
            compare(sizes, series[i].y, from, to, times, &settings->rules);
    }
    free(times);
    free(sizes->over);
    spikes_size_free(&model);
    return err;
}

static void report_sizes(const struct spikes_series *series, int count, int to,
                         const struct spikes_settings *settings)
{
    struct sizes sizes = {0};
    struct fw_detail detail = {""};
    if (say_sizes(series, count, to, settings, &sizes, &detail) != FW_OK || sizes.spikes == 0)
        return;
    printf(
        "{\"rows\":\"sizes\",\"spikes\":%d,\"covered\":[%.4f,%.4f],\"loss_ratio\":[%.4f,%.4f]}\n",
        sizes.spikes, sizes.covered[0] / sizes.spikes, sizes.covered[1] / sizes.spikes,
        sizes.loss[0] / sizes.plain[0], sizes.loss[1] / sizes.plain[1]);
}

static int run(const double *y, int series, int length, int from, int to,
               const struct spikes_settings *settings)
{
    struct spikes_series *known = calloc((size_t)series, sizeof *known);
    size_t most = (size_t)series * (size_t)(to - from);
    struct said said = {calloc(most, sizeof *said.p), calloc(most, 1), calloc(most, 1), 0};
    struct fw_detail detail = {""};
    int status = 3;
    if (known != NULL && said.p != NULL && said.happened != NULL && said.spiking != NULL) {
        for (int i = 0; i < series; i++)
            known[i] = (struct spikes_series){y + (size_t)i * (size_t)length, from};
        if (say_all(&said, known, series, to, settings, &detail) == FW_OK)
            status = report(&said);
        if (status == 0)
            report_sizes(known, series, to, settings);
        else
            fprintf(stderr, "%s\n", detail.text);
    }
    free(known);
    free(said.p);
    free(said.happened);
    free(said.spiking);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: bench_spikes SERIES LENGTH FROM TO CALIBRATE TIMES AHEAD IN\n");
        return 2;
    }
    struct spikes_settings settings = spikes_defaults;
    size_t series = strtoul(argv[1], NULL, 10), length = strtoul(argv[2], NULL, 10);
    int from = atoi(argv[3]), to = atoi(argv[4]);
    settings.calibrate = atoi(argv[5]);
    settings.rules.times = strtod(argv[6], NULL);
    settings.rules.ahead = atoi(argv[7]);
    double *y = malloc(series * length * sizeof *y);
    FILE *in = fopen(argv[8], "rb");
    int status = 3;
    if (y != NULL && in != NULL && fread(y, length * sizeof *y, series, in) == series)
        status = run(y, (int)series, (int)length, from, to, &settings);
    if (in != NULL)
        fclose(in);
    free(y);
    printf("{\"rows\":\"cpu\",\"seconds\":%.1f}\n", (double)clock() / CLOCKS_PER_SEC);
    return status;
}
