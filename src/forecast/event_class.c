/* SPDX-License-Identifier: MIT */
#include "forecast/event_class.h"
#include "base/buf.h"
#include "base/check.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const event_feature_names[EVENT_FEATURES] = {
    "multiplier", "duration_hours", "rise_hours", "caller_concentration", "token_shift"};

/* How far past the end of a range a class still fits: standard deviations of a bell behind the
 * edge, on a logarithmic scale, of shares on a plain one. */
static const double softness[EVENT_FEATURES] = {.15, .35, .7, .15, .2};
/* What fits none of the ranges: as if one feature lay two such deviations outside. */
static const double none_fit = .1;
/* A plan makes its own class likely, and the lack of one in a calendar a planned class unlikely. */
static const double plan_named = 20, plan_fits = 8, plan_lacks = .5, plan_contradicts = .3;

#define ANY                                                                                        \
    {                                                                                              \
        NAN, NAN                                                                                   \
    }
static const struct event_class defaults[] = {
    {"feature_launch", {{5, 7}, {72, 336}, {0, 12}, {0, .4}, {.8, 1.25}}, EVENT_PLAN_YES, 1},
    {"viral_event", {{2, 4}, {24, 96}, {0, 24}, {0, .4}, {.8, 1.25}}, EVENT_PLAN_NO, 1},
    {"api_abuse", {{2, 5}, {1, 6}, {0, 1}, {.4, 1}, ANY}, EVENT_PLAN_NO, 1},
    {"gradual_growth", {{1.4, 2}, {336, INFINITY}, {48, INFINITY}, ANY, ANY}, EVENT_PLAN_ANY, 1},
};

void event_classes_default(struct event_classes *classes)
{
    *classes = (struct event_classes){.count = sizeof defaults / sizeof defaults[0]};
    memcpy(classes->rows, defaults, sizeof defaults);
}

const char *event_class_name(const struct event_classes *classes, size_t row)
{
    return row < classes->count ? classes->rows[row].name : "none";
}

static double scaled(int feature, double x)
{
    return feature == EVENT_CONCENTRATION ? x : log(fmax(x, 1e-3));
}

/* 1 inside the range, a bell outside; 1 for what is not known or not asked. */
static double fit(const struct event_class *class, const struct event_seen *seen, int feature)
{
    double x = seen->feature[feature], past = 0;
    struct event_range range = class->range[feature];
    if (isnan(x) || isnan(range.low))
        return 1;
    if (x < range.low)
        past = scaled(feature, range.low) - scaled(feature, x);
    else if (x > range.high)
        past = scaled(feature, x) - scaled(feature, range.high);
    /* What goes on may last as long as the class wants. */
    if (feature == EVENT_DURATION && seen->ongoing && x < range.high)
        past = 0;
    past /= softness[feature];
    return exp(-.5 * past * past);
}

static double plan_factor(const struct event_class *class, const struct event_seen *seen)
{
    if (seen->planned && seen->planned->class_name[0] != '\0')
        return strcmp(seen->planned->class_name, class->name) == 0 ? plan_named : 1 / plan_named;
    if (seen->planned)
        return class->planned == EVENT_PLAN_YES  ? plan_fits
               : class->planned == EVENT_PLAN_NO ? plan_contradicts
                                                 : 1;
    return seen->calendar && class->planned == EVENT_PLAN_YES ? plan_lacks : 1;
}

static double score(const struct event_class *class, const struct event_seen *seen)
{
    double product = class->prior * plan_factor(class, seen);
    for (int i = 0; i < EVENT_FEATURES; i++)
        product *= fit(class, seen, i);
    return product;
}

static void add_number(struct buf *out, double x)
{
    char text[STR_NUMBER_MAX];
    buf_add_text(out, str_from_fixed(fmin(x, 1e9), x < 10 ? 1 : 0, text));
}

static void add_hours(struct buf *out, double hours)
{
    bool days = hours >= 48;
    add_number(out, days ? hours / 24 : hours);
    buf_add_text(out, days ? " days" : " h");
}

static void describe_size(const struct event_seen *seen, struct buf *out)
{
    double multiplier = seen->feature[EVENT_MULTIPLIER];
    if (isnan(multiplier)) {
        buf_add_text(out, "the level is not above 0, and multiples of it mean nothing");
        return;
    }
    buf_add_text(out, multiplier >= 1 ? "rose to " : "fell to ");
    char text[STR_NUMBER_MAX];
    buf_add_text(out, str_from_fixed(fmin(multiplier, 1e9), multiplier < 10 ? 2 : 0, text));
    buf_add_text(out, " times the usual within ");
    add_hours(out, seen->feature[EVENT_RISE]);
    buf_add_text(out, seen->ongoing ? ", for " : ", lasted ");
    add_hours(out, seen->feature[EVENT_DURATION]);
    buf_add_text(out, seen->ongoing ? " so far" : "");
}

static void describe_callers(const struct event_seen *seen, struct buf *out)
{
    double share = seen->feature[EVENT_CONCENTRATION], tokens = seen->feature[EVENT_TOKENS];
    if (!isnan(share)) {
        buf_add_text(out, share >= .4 ? ", from few callers (" : ", from many callers (");
        add_number(out, 100 * share);
        buf_add_text(out, " %)");
    }
    if (!isnan(tokens) && fabs(tokens - 1) >= .1) {
        buf_add_text(out, ", tokens a request ");
        add_number(out, tokens);
        buf_add_text(out, " times the usual");
    }
    if (seen->planned)
        buf_printf(out, ", planned as \"%.60s\"", seen->planned->name);
    else if (seen->calendar)
        buf_add_text(out, ", not planned");
}

/* Which of its ranges the best class fits worst, when it does not fit them all. */
static void describe_misfit(const struct event_class *class, const struct event_seen *seen,
                            struct buf *out)
{
    static const char *const words[EVENT_FEATURES] = {"size", "length", "speed of the rise",
                                                      "mix of callers", "size of the requests"};
    int worst = -1;
    double least = .6;
    for (int i = 0; i < EVENT_FEATURES; i++)
        if (fit(class, seen, i) < least) {
            least = fit(class, seen, i);
            worst = i;
        }
    if (worst >= 0)
        buf_printf(out, ", though its %s is unlike one", words[worst]);
}

static void describe(const struct event_classes *classes, const struct event_seen *seen,
                     struct event_verdict *verdict)
{
    struct buf out;
    buf_init(&out, 4096);
    describe_size(seen, &out);
    describe_callers(seen, &out);
    if (verdict->best < classes->count) {
        buf_printf(&out, ": like %s", classes->rows[verdict->best].name);
        describe_misfit(&classes->rows[verdict->best], seen, &out);
    } else {
        buf_add_text(&out, ": like none of the classes");
    }
    snprintf(verdict->reason, sizeof verdict->reason, "%.*s", STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

void event_classify(const struct event_classes *classes, const struct event_seen *seen,
                    struct event_verdict *verdict)
{
    CHECK(classes->count <= EVENT_CLASSES_MAX);
    double sum = none_fit;
    verdict->best = classes->count;
    verdict->probability[classes->count] = none_fit;
    for (size_t i = 0; i < classes->count; i++) {
        verdict->probability[i] =
            isnan(seen->feature[EVENT_MULTIPLIER]) ? 0 : score(&classes->rows[i], seen);
        sum += verdict->probability[i];
        if (verdict->probability[i] > verdict->probability[verdict->best])
            verdict->best = i;
    }
    for (size_t i = 0; i <= classes->count; i++)
        verdict->probability[i] /= sum;
    describe(classes, seen, verdict);
}
