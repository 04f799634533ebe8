/* SPDX-License-Identifier: MIT
 * What is known of load times in general, to judge a resource by that has been loaded a few times
 * only: the mean of all loads, how far resources differ (variance between), and how far the loads
 * of one resource differ among themselves (variance within), both of logarithms, so that slow and
 * fast resources count alike.
 *
 * A resource's median of n loads is worth n loads beside the general mean, which is worth within /
 * between loads: where all resources are alike little is believed of a single one, and where each
 * takes its own time, always the same, the first load tells all (empirical Bayes; Efron and Morris,
 * 1975). A load that is begun ahead begins earlier by a part of the spread within. */
#ifndef FOREWARM_CORE_LOAD_LAW_H
#define FOREWARM_CORE_LOAD_LAW_H

#include <stdbool.h>
#include <stdint.h>

enum { LOAD_LAW_OWN = 8 }; /* loads of its own from which a resource is judged */

struct coder;
struct load_law {
    /* learned */
    double count, mean_s, log_mean, log_variance;
    double pairs, within; /* successive loads of one resource; half their squared log ratio, mean */
    /* worked out from it */
    double weight[LOAD_LAW_OWN + 1]; /* of the median of so many loads */
    double general_log_s, lead;
};

void load_law_init(struct load_law *law);
/* `previous_ns`: the resource's load before this one, -1 none. */
void load_law_add(struct load_law *law, int64_t load_ns, int64_t previous_ns);
/* What a load is expected to take: of a resource that was loaded `count` times, with this median.
 */
int64_t load_law_expected(const struct load_law *law, uint32_t count, int64_t median_ns,
                          double median_log_s);
/* For one that never was; `otherwise_ns` while too few loads are known. */
int64_t load_law_general(const struct load_law *law, int64_t otherwise_ns);
/* How long before it is needed a load that is expected to take so long had better begin. */
int64_t load_law_lead(const struct load_law *law, int64_t expected_ns);
/* The logarithm of a load time in seconds; short ones count as 10 ms. */
double load_law_log_s(int64_t load_ns);
void load_law_code(struct load_law *law, struct coder *coder);

#endif
