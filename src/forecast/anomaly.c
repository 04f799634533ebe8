/* SPDX-License-Identifier: MIT */
#include "forecast/anomaly.h"
#include "base/check.h"
#include "base/prng.h"
#include "base/str.h"
#include "forecast/isolation_forest.h"
#include "forecast/n9.h"
#include "forecast/seasonal.h"
#include "forecast/zscore.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FOREST_COLUMNS = 3, /* value, change, distance from the usual */
    FOREST_ROWS = 4000, /* what the forest is grown from */
    FOREST_MIN = 64,    /* rows before the first */
    FOREST_EVERY = 256, /* rows until the next */
    WEEK = 7,
};

static const struct {
    const char *name;
    double threshold;
} methods[] = {
#define X(method, name, threshold, words) {name, threshold},
    ANOMALY_METHODS(X)
#undef X
};

const char *anomaly_method_name(int method)
{
    return method >= 0 && method < ANOMALY_METHOD_COUNT ? methods[method].name : "?";
}

double anomaly_threshold(int method)
{
    CHECK(method >= 0 && method < ANOMALY_METHOD_COUNT);
    return methods[method].threshold;
}

/* A forest over the last rows, grown anew now and then. */
struct grove {
    struct isolation_forest *forest;
    struct usual usual;
    uint32_t count, next, since;
    uint64_t grown, seed;
    double previous;
    bool begun;
    double rows[FOREST_ROWS * FOREST_COLUMNS];
};

struct anomaly {
    struct anomaly_settings settings;
    int64_t rows, last_event;
    struct rank past; /* strangenesses */
    struct n9 *n9;
    struct zscore *zscore;
    struct grove *grove;
    struct seasonal *seasonal;
};

static enum fw_err create_grove(struct anomaly *anomaly)
{
    struct grove *grove = anomaly->grove = calloc(1, sizeof *grove);
    if (!grove)
        return FW_NOMEM;
    grove->seed = anomaly->settings.seed;
    return usual_init(&grove->usual, anomaly->settings.day_rows, USUAL_DAYS);
}

static enum fw_err create_detector(struct anomaly *anomaly)
{
    const struct anomaly_settings *settings = &anomaly->settings;
    if (settings->method == ANOMALY_SEASONAL || settings->method == ANOMALY_DEMAND)
        FW_TRY(seasonal_create(&anomaly->seasonal, settings->day_rows));
    if (settings->method == ANOMALY_N9 || settings->method == ANOMALY_DEMAND)
        return n9_create(&anomaly->n9, settings->day_rows);
    if (settings->method == ANOMALY_SEASONAL)
        return FW_OK;
    if (settings->method == ANOMALY_FOREST)
        return create_grove(anomaly);
    anomaly->zscore = malloc(sizeof *anomaly->zscore);
    if (!anomaly->zscore)
        return FW_NOMEM;
    uint32_t week =
        settings->day_rows > ZSCORE_ROWS_MAX ? ZSCORE_ROWS_MAX : settings->day_rows * WEEK;
    zscore_init(anomaly->zscore, week, settings->method == ANOMALY_RATE);
    return FW_OK;
}

enum fw_err anomaly_create(struct anomaly **anomaly, const struct anomaly_settings *settings)
{
    CHECK(settings->method >= 0 && settings->method < ANOMALY_METHOD_COUNT);
    struct anomaly *made = *anomaly = calloc(1, sizeof *made);
    if (!made)
        return FW_NOMEM;
    made->settings = *settings;
    if (made->settings.threshold == 0)
        made->settings.threshold = methods[settings->method].threshold;
    if (made->settings.refractory_rows == 0)
        made->settings.refractory_rows = settings->learn_rows / 4;
    made->last_event = -1;
    rank_init(&made->past);
    enum fw_err err = create_detector(made);
    if (err != FW_OK)
        anomaly_destroy(anomaly);
    return err;
}

void anomaly_destroy(struct anomaly **anomaly)
{
    struct anomaly *gone = *anomaly;
    if (!gone)
        return;
    n9_destroy(&gone->n9);
    seasonal_destroy(&gone->seasonal);
    free(gone->zscore);
    if (gone->grove) {
        usual_fini(&gone->grove->usual);
        isolation_forest_free(&gone->grove->forest);
    }
    free(gone->grove);
    free(gone);
    *anomaly = NULL;
}

static enum fw_err grow_again(struct grove *grove)
{
    if (grove->count < FOREST_MIN || (grove->forest && grove->since < FOREST_EVERY))
        return FW_OK;
    isolation_forest_free(&grove->forest);
    grove->since = 0;
    return isolation_forest_fit(&grove->forest, grove->rows, grove->count, FOREST_COLUMNS,
                                prng_mix(grove->seed, grove->grown++));
}

static enum fw_err grove_step(struct grove *grove, double value, double *score)
{
    double row[FOREST_COLUMNS] = {
        value, grove->begun ? value - grove->previous : 0,
        usual_known(&grove->usual) ? value - usual_value(&grove->usual, value) : 0};
    FW_TRY(grow_again(grove));
    *score = 0;
    if (grove->forest)
        isolation_forest_score(grove->forest, row, 1, score);
    for (int i = 0; i < FOREST_COLUMNS; i++)
        grove->rows[(size_t)grove->next * FOREST_COLUMNS + (size_t)i] = row[i];
    grove->next = grove->next + 1 == FOREST_ROWS ? 0 : grove->next + 1;
    grove->count += grove->count < FOREST_ROWS;
    grove->since++;
    grove->previous = value;
    grove->begun = true;
    usual_add(&grove->usual, value);
    return FW_OK;
}

static int loudest(const struct n9_result *result)
{
    int best = 0;
    for (int i = 1; i < N9_FAMILIES; i++)
        if (result->families[i] > result->families[best])
            best = i;
    return best;
}

/* The first windows are unlike all others for lack of others. */
static void leave_out_novelty(struct n9_result *n9)
{
    for (int i = N9_FAMILIES - N9_NOVELTIES; i < N9_FAMILIES; i++) {
        n9->u = fmax(n9->u - n9->families[i] / N9_FAMILIES, 0);
        n9->families[i] = 0;
    }
}

static void ask_n9(struct anomaly *anomaly, double value, struct anomaly_result *result)
{
    struct n9_result n9 = n9_step(anomaly->n9, value);
    if (anomaly->settings.cautious && anomaly->rows < N9_SETTLED_ROWS)
        leave_out_novelty(&n9);
    result->strangeness = n9.u;
    result->family = loudest(&n9);
}

static enum fw_err ask_detector(struct anomaly *anomaly, double value,
                                struct anomaly_result *result)
{
    int method = anomaly->settings.method;
    result->family = -1;
    if (anomaly->n9)
        ask_n9(anomaly, value, result);
    if (anomaly->grove)
        FW_TRY(grove_step(anomaly->grove, value, &result->strangeness));
    if (anomaly->zscore)
        result->strangeness = zscore_step(anomaly->zscore, value);
    if (anomaly->seasonal) {
        double seasonal = seasonal_step(anomaly->seasonal, value);
        double unit = method == ANOMALY_DEMAND ? methods[ANOMALY_SEASONAL].threshold : 1;
        double other = result->strangeness / methods[ANOMALY_N9].threshold;
        result->seasonal = seasonal;
        if (seasonal / unit >= other)
            result->family = -1;
        result->strangeness = fmax(seasonal / unit, other);
    }
    result->score = method == ANOMALY_FOREST ? result->strangeness
                                             : result->strangeness / (1 + result->strangeness);
    return FW_OK;
}

enum fw_err anomaly_step(struct anomaly *anomaly, double value, struct anomaly_result *result)
{
    CHECK(isfinite(value));
    *result = (struct anomaly_result){0};
    FW_TRY(ask_detector(anomaly, value, result));
    int64_t row = anomaly->rows++;
    const struct anomaly_settings *settings = &anomaly->settings;
    result->p = rank_p(&anomaly->past, result->strangeness);
    if (row >= (int64_t)settings->learn_rows) /* what is strange to a beginner is no measure */
        rank_add(&anomaly->past, result->strangeness);
    if (row < RANK_MIN || result->strangeness < settings->threshold)
        return FW_OK;
    bool rested =
        anomaly->last_event < 0 || row - anomaly->last_event >= (int64_t)settings->refractory_rows;
    if (rested)
        anomaly->last_event = row;
    result->event = rested && row >= (int64_t)settings->learn_rows;
    result->silenced = !result->event;
    return FW_OK;
}

void anomaly_skip(struct anomaly *anomaly)
{
    if (anomaly->n9)
        n9_skip(anomaly->n9);
    if (anomaly->seasonal)
        seasonal_skip(anomaly->seasonal);
    if (anomaly->zscore)
        zscore_skip(anomaly->zscore);
    if (anomaly->grove) {
        anomaly->grove->begun = false;
        usual_add(&anomaly->grove->usual, NAN);
    }
}

const char *anomaly_why(int method, const struct anomaly_result *result, char text[ANOMALY_WHY_MAX])
{
    char number[STR_NUMBER_MAX];
    str_from_fixed(fmin(result->strangeness, 1e6), 2, number);
    if (result->family >= 0)
        snprintf(text, ANOMALY_WHY_MAX, "%s times the threshold; most by %s",
                 str_from_fixed(fmin(result->strangeness, 1e6) /
                                    (method == ANOMALY_N9 ? methods[ANOMALY_N9].threshold : 1),
                                1, number),
                 n9_family(result->family));
    else if (method == ANOMALY_ZSCORE)
        snprintf(text, ANOMALY_WHY_MAX, "%s standard deviations from the mean of a week", number);
    else if (method == ANOMALY_RATE)
        snprintf(text, ANOMALY_WHY_MAX, "changed by %s standard deviations of earlier changes",
                 number);
    else if (method == ANOMALY_FOREST)
        snprintf(text, ANOMALY_WHY_MAX, "isolation score %s, about 0.5 is usual", number);
    else
        snprintf(text, ANOMALY_WHY_MAX, "%s robust deviations from this time of day and week",
                 str_from_fixed(result->seasonal, 1, number));
    return text;
}
