/* SPDX-License-Identifier: MIT
 * Capacity decided while walking through a series' past: from a file of doubles (hours, NaN:
 * missing) and from value number FIRST on, at every LEAD-th hour units for the LEAD hours to come,
 * by each rule given as s0.95 (service level) or b1.3 (buffer times P95). Every decision knows what
 * came before it alone. One line each: NUMBER LEAD EXPECTED UNITS..., EXPECTED units at the
 * expected demand. Usage: bench_capacity SERIES COUNT FIRST UNIT TARGET WARNING LEADS RULE... */
#include "base/str.h"
#include "forecast/demand.h"
#include "plan/capacity.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY = 24, RULES_MAX = 32, LEADS_MAX = 4, P95 = 6, BEFORE_CALIBRATED = 2 };
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;
static const double UNCALIBRATED = 1.3; /* while too few windows are over */

struct rule {
    bool buffer;
    double value;
    int level; /* its number among the peaks' */
};
struct walk {
    struct ensemble *ensemble;
    struct ensemble_said said;
    int leads[LEADS_MAX], lead_count, rule_count;
    struct peaks *peaks[LEADS_MAX];
    struct peaks_settings how;
    struct rule rules[RULES_MAX];
    struct capacity_settings settings;
};

static double number(const char *text)
{
    double value = NAN;
    if (!str_to_double(str_of(text), &value)) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

static enum fw_err decide(struct walk *walk, int at, int i)
{
    int lead = walk->leads[i];
    double usual[DAY], peak[DAY] = {0}, expected = 0, high = 0;
    struct capacity_row rows[DAY];
    struct capacity_demand demand = {.step_ns = HOUR_NS,
                                     .steps = lead,
                                     .baseline = walk->said.mean,
                                     .expected = walk->said.mean,
                                     .p95 = walk->said.quantiles[P95],
                                     .paths = walk->said.mean,
                                     .path_count = 1,
                                     .peak_service = peak,
                                     .peak_p95 = peak,
                                     .peak_p99 = peak};
    struct capacity_settings settings = walk->settings;
    struct fw_detail detail = {""};
    settings.lead_time_ns = lead * HOUR_NS;
    for (int h = 1; h <= lead; h++) {
        usual[h - 1] = peaks_usual(walk->peaks[i], h);
        expected = fmax(expected, walk->said.mean[h - 1]);
        high = fmax(high, usual[h - 1]);
    }
    printf("%d %d", at, lead);
    for (int j = 0; j < walk->rule_count; j++) {
        const struct rule *rule = &walk->rules[j];
        double ratio = rule->buffer ? 1 : peaks_ratio(walk->peaks[i], 1, rule->level);
        peak[0] = peaks_reference(expected, high) * (isfinite(ratio) ? ratio : UNCALIBRATED);
        settings.buffer = rule->buffer ? rule->value : 0;
        enum fw_err err = capacity_plan(&demand, &settings, rows, &detail);
        if (err != FW_OK) {
            fprintf(stderr, "%s\n", detail.text);
            return err;
        }
        if (j == 0)
            printf(" %d", rows[0].gpus[CAPACITY_EXPECTED]);
        printf(" %d", rows[0].recommended);
    }
    puts("");
    return FW_OK;
}

static enum fw_err step(struct walk *walk, int k, int at)
{
    enum fw_err err = FW_OK;
    for (int i = 0; i < walk->lead_count; i++)
        peaks_step(walk->peaks[i], walk->ensemble, k);
    for (int i = 0; err == FW_OK && i < walk->lead_count; i++)
        if (k % walk->leads[i] == 0 && k >= BEFORE_CALIBRATED * DAY)
            err = decide(walk, at, i);
    return err;
}

static void read_rules(struct walk *walk, int argc, char **argv)
{
    walk->settings = capacity_defaults;
    walk->settings.unit_capacity = number(argv[4]);
    walk->settings.target_utilization = number(argv[5]);
    walk->settings.warning_utilization = number(argv[6]);
    struct str rest = str_of(argv[7]), part;
    while (walk->lead_count < LEADS_MAX && str_cut(&rest, ',', &part)) {
        double lead = 0;
        if (!str_to_double(part, &lead) || lead < 1 || lead > DAY)
            exit(2);
        walk->leads[walk->lead_count++] = (int)lead;
    }
    for (int i = 8; i < argc && walk->rule_count < RULES_MAX; i++) {
        struct rule *rule = &walk->rules[walk->rule_count++];
        rule->buffer = argv[i][0] == 'b';
        rule->value = number(argv[i] + 1);
        if (rule->buffer)
            continue;
        if (walk->how.level_count == PEAKS_LEVELS)
            exit(2);
        rule->level = walk->how.level_count;
        walk->how.levels[walk->how.level_count++] = rule->value;
    }
}

static double *read_series(const char *path, int count)
{
    double *y = calloc((size_t)count, sizeof *y);
    FILE *file = fopen(path, "rb");
    if (y == NULL || file == NULL || fread(y, sizeof *y, (size_t)count, file) != (size_t)count) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(3);
    }
    fclose(file);
    return y;
}

int main(int argc, char **argv)
{
    static struct walk walk;
    if (argc < 9)
        return 2;
    int count = (int)number(argv[2]), first = (int)number(argv[3]);
    double *y = read_series(argv[1], count);
    struct ensemble_settings settings = ensemble_defaults;
    struct fw_detail detail = {""};
    read_rules(&walk, argc, argv);
    settings.plan = (struct members_plan){.day = DAY,
                                          .week = 7 * DAY,
                                          .horizon = DAY,
                                          .first = first,
                                          .spacing = 1,
                                          .count = count - first,
                                          .step_ns = HOUR_NS,
                                          .seed = 1};
    enum fw_err err = ensemble_create(&walk.ensemble, y, count, &settings, &detail);
    for (int i = 0; err == FW_OK && i < walk.lead_count; i++) {
        walk.how.window = walk.leads[i];
        err = peaks_create(&walk.peaks[i], y, count, &settings.plan, &walk.how);
    }
    for (int k = 0; err == FW_OK && ensemble_step(walk.ensemble, &walk.said); k++)
        err = step(&walk, k, first + k);
    if (err != FW_OK)
        fprintf(stderr, "%s\n", detail.text);
    for (int i = 0; i < walk.lead_count; i++)
        peaks_free(&walk.peaks[i]);
    ensemble_free(&walk.ensemble);
    free(y);
    return err == FW_OK ? 0 : 3;
}
