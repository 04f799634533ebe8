/* SPDX-License-Identifier: MIT */
#include "core/load_law.h"
#include "base/time.h"
#include "core/coder.h"
#include "learn/decay.h"
#include <math.h>

#define MEMORY         500.0 /* loads that the general figures are means over */
#define COUNT_MIN      4.0
#define PAIRS_MIN      3.0
#define GENERAL_MAX    50.0 /* loads that the general mean is worth at most */
#define LEAD_DEVIATION 0.75 /* of the standard deviation within */
#define LOAD_MIN_NS    (10 * TIME_MILLISECOND)

double load_law_log_s(int64_t load_ns)
{
    return decay_log(time_to_seconds(load_ns > LOAD_MIN_NS ? load_ns : LOAD_MIN_NS));
}

static void work_out(struct load_law *law)
{
    double between = law->log_variance - law->within, general = 0;
    if (law->pairs >= PAIRS_MIN && law->within > 0)
        general = between > law->within / GENERAL_MAX ? law->within / between : GENERAL_MAX;
    for (int n = 0; n <= LOAD_LAW_OWN; n++)
        law->weight[n] = n > 0 ? n / (n + general) : 0;
    law->general_log_s = law->count > 0 ? decay_log(law->mean_s) : 0;
    law->lead = 1 + (law->pairs >= PAIRS_MIN ? LEAD_DEVIATION * sqrt(law->within) : 0);
}

void load_law_init(struct load_law *law)
{
    *law = (struct load_law){0};
    work_out(law);
}

void load_law_add(struct load_law *law, int64_t load_ns, int64_t previous_ns)
{
    double log_s = load_law_log_s(load_ns), load_s = decay_exp(log_s);
    law->count = law->count < MEMORY ? law->count + 1 : MEMORY;
    double away = log_s - law->log_mean;
    law->mean_s += (load_s - law->mean_s) / law->count;
    law->log_mean += away / law->count;
    law->log_variance +=
        (away * away * (law->count - 1) / law->count - law->log_variance) / law->count;
    if (previous_ns >= 0) {
        double ratio = log_s - load_law_log_s(previous_ns);
        law->pairs = law->pairs < MEMORY ? law->pairs + 1 : MEMORY;
        law->within += (ratio * ratio / 2 - law->within) / law->pairs;
    }
    work_out(law);
}

int64_t load_law_expected(const struct load_law *law, uint32_t count, int64_t median_ns,
                          double median_log_s)
{
    double weight = law->weight[count < LOAD_LAW_OWN ? count : LOAD_LAW_OWN];
    if (weight == 1)
        return median_ns;
    return time_from_seconds(decay_exp(weight * median_log_s + (1 - weight) * law->general_log_s));
}

int64_t load_law_general(const struct load_law *law, int64_t otherwise_ns)
{
    return law->count >= COUNT_MIN ? time_from_seconds(law->mean_s) : otherwise_ns;
}

int64_t load_law_lead(const struct load_law *law, int64_t expected_ns)
{
    if (law->lead == 1)
        return expected_ns;
    return time_from_seconds(time_to_seconds(expected_ns) * law->lead);
}

static void code_number(struct coder *coder, double *number, double max)
{
    code_double(coder, number);
    if (!(*number >= -max && *number <= max))
        coder_fail(coder);
}

void load_law_code(struct load_law *law, struct coder *coder)
{
    code_number(coder, &law->count, MEMORY);
    code_number(coder, &law->mean_s, 1e10);
    code_number(coder, &law->log_mean, 100);
    code_number(coder, &law->log_variance, 1e4);
    code_number(coder, &law->pairs, MEMORY);
    code_number(coder, &law->within, 1e4);
    if (!coder_failed(coder))
        work_out(law);
}
