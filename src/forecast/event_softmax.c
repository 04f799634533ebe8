/* SPDX-License-Identifier: MIT */
#include "forecast/event_softmax.h"
#include "base/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 500, INPUTS = EVENT_SOFTMAX_INPUTS };
static const double ridge = .01, pace = .5, momentum = .9;

/* What was seen as numbers that add up; NAN where it is not known. */
static void take_inputs(const struct event_seen *seen, double inputs[INPUTS])
{
    for (int i = 0; i < EVENT_FEATURES; i++) {
        double x = seen->feature[i];
        inputs[i] = isnan(x) || i == EVENT_CONCENTRATION ? x : log(fmax(x, 0) + .05);
    }
    inputs[EVENT_FEATURES] = seen->planned ? 1 : 0;
    inputs[EVENT_FEATURES + 1] = seen->ongoing ? 1 : 0;
}

/* Centred and scaled; what is not known is as usual. */
static void standardise(const struct event_softmax *softmax, double inputs[INPUTS])
{
    for (int i = 0; i < INPUTS; i++)
        inputs[i] = isnan(inputs[i]) ? 0 : (inputs[i] - softmax->mean[i]) / softmax->scale[i];
}

static void learn_scales(struct event_softmax *softmax, const double (*inputs)[INPUTS],
                         size_t count)
{
    for (int i = 0; i < INPUTS; i++) {
        double sum = 0, square = 0, known = 0;
        for (size_t row = 0; row < count; row++)
            if (!isnan(inputs[row][i])) {
                sum += inputs[row][i];
                known++;
            }
        softmax->mean[i] = known > 0 ? sum / known : 0;
        for (size_t row = 0; row < count; row++)
            if (!isnan(inputs[row][i]))
                square += (inputs[row][i] - softmax->mean[i]) * (inputs[row][i] - softmax->mean[i]);
        double deviation = known > 0 ? sqrt(square / known) : 0;
        softmax->scale[i] = deviation > 1e-6 ? deviation : 1;
    }
}

static void tell(const struct event_softmax *softmax, const double inputs[INPUTS],
                 double probability[EVENT_CLASSES_MAX])
{
    double most = -INFINITY, sum = 0;
    for (size_t c = 0; c < softmax->classes; c++) {
        const double *weight = softmax->weight[c];
        probability[c] = weight[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            probability[c] += weight[i] * inputs[i];
        if (softmax->known[c] && probability[c] > most)
            most = probability[c];
    }
    for (size_t c = 0; c < softmax->classes; c++) {
        probability[c] = softmax->known[c] ? exp(probability[c] - most) : 0;
        sum += probability[c];
    }
    for (size_t c = 0; c < softmax->classes; c++)
        probability[c] /= sum;
}

/* One step down the mean loss, with momentum: the loss is convex and the inputs are scaled. */
static void descend(struct event_softmax *softmax, const double (*inputs)[INPUTS],
                    const struct event_example *examples, size_t count,
                    double speed[EVENT_CLASSES_MAX][INPUTS + 1])
{
    double slope[EVENT_CLASSES_MAX][INPUTS + 1], probability[EVENT_CLASSES_MAX];
    memset(slope, 0, sizeof slope);
    for (size_t row = 0; row < count; row++) {
        tell(softmax, inputs[row], probability);
        for (size_t c = 0; c < softmax->classes; c++) {
            double wrong = probability[c] - (c == examples[row].class ? 1 : 0);
            for (int i = 0; i < INPUTS; i++)
                slope[c][i] += wrong * inputs[row][i] / (double)count;
            slope[c][INPUTS] += wrong / (double)count;
        }
    }
    for (size_t c = 0; c < softmax->classes; c++)
        for (int i = 0; i <= INPUTS; i++) {
            double pull = i < INPUTS ? ridge * softmax->weight[c][i] : 0;
            speed[c][i] = momentum * speed[c][i] - pace * (slope[c][i] + pull);
            softmax->weight[c][i] += speed[c][i];
        }
}

enum fw_err event_softmax_learn(struct event_softmax *softmax, const struct event_example *examples,
                                size_t count, size_t classes)
{
    size_t kinds = 0;
    CHECK(classes <= EVENT_CLASSES_MAX);
    *softmax = (struct event_softmax){.classes = classes};
    for (size_t i = 0; i < count; i++) {
        CHECK(examples[i].class < classes);
        kinds += !softmax->known[examples[i].class];
        softmax->known[examples[i].class] = true;
    }
    if (count < EVENT_SOFTMAX_LEAST || kinds < 2)
        return FW_NO;
    double(*inputs)[INPUTS] = calloc(count, sizeof *inputs);
    if (!inputs)
        return FW_NOMEM;
    for (size_t i = 0; i < count; i++)
        take_inputs(examples[i].seen, inputs[i]);
    learn_scales(softmax, (const double(*)[INPUTS])inputs, count);
    for (size_t i = 0; i < count; i++)
        standardise(softmax, inputs[i]);
    double speed[EVENT_CLASSES_MAX][INPUTS + 1];
    memset(speed, 0, sizeof speed);
    for (int round = 0; round < ROUNDS; round++)
        descend(softmax, (const double(*)[INPUTS])inputs, examples, count, speed);
    free(inputs);
    return FW_OK;
}

void event_softmax_tell(const struct event_softmax *softmax, const struct event_seen *seen,
                        double probability[EVENT_CLASSES_MAX])
{
    double inputs[INPUTS];
    take_inputs(seen, inputs);
    standardise(softmax, inputs);
    tell(softmax, inputs, probability);
}
