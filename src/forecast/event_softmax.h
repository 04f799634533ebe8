/* SPDX-License-Identifier: MIT
 * Classes of events learned from events that people labelled: multinomial logistic regression over
 * the logarithms of what was seen, with a ridge. Used when there are enough of them. */
#ifndef FOREWARM_FORECAST_EVENT_SOFTMAX_H
#define FOREWARM_FORECAST_EVENT_SOFTMAX_H

#include "base/err.h"
#include "forecast/event_class.h"

enum { EVENT_SOFTMAX_LEAST = 50, EVENT_SOFTMAX_INPUTS = EVENT_FEATURES + 2 };

struct event_example {
    const struct event_seen *seen;
    size_t class; /* row of the classes */
};

struct event_softmax {
    size_t classes;
    double mean[EVENT_SOFTMAX_INPUTS], scale[EVENT_SOFTMAX_INPUTS];
    double weight[EVENT_CLASSES_MAX][EVENT_SOFTMAX_INPUTS + 1]; /* the last one: the class alone */
    bool known[EVENT_CLASSES_MAX];                              /* there was an example */
};

/* FW_NO below EVENT_SOFTMAX_LEAST examples or two classes. */
FW_MUST_CHECK enum fw_err event_softmax_learn(struct event_softmax *softmax,
                                              const struct event_example *examples, size_t count,
                                              size_t classes);
/* The probability of each class; 0 for those without an example. */
void event_softmax_tell(const struct event_softmax *softmax, const struct event_seen *seen,
                        double probability[EVENT_CLASSES_MAX]);

#endif
