/* SPDX-License-Identifier: MIT
 * Capacity decided while walking through a series' past, hour by hour: from a file of doubles (NaN:
 * missing) and from the value number FIRST on, at every LEAD-th hour units for the LEAD hours to
 * come, by each rule given as s0.95 (service level) or b1.3 (buffer times P95). The forecast at
 * each of them knows what came before it alone. One line an hour that is decided at: NUMBER LEAD
 * EXPECTED UNITS-BY-RULE..., EXPECTED units at the expected demand. Usage: bench_capacity SERIES
 * COUNT FIRST UNIT TARGET WARNING PATHS LEADS RULE... */
#include "base/str.h"
#include "forecast/demand.h"
#include "plan/capacity.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 24, RULES_MAX = 64, REMEASURE = 24 };
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

struct walk {
    struct ensemble *ensemble;
    struct ensemble_said said;
    struct paths_law law;
    double errors[1 << 21];
    int leads[8], lead_count;
    struct capacity_settings settings;
    int path_count, rule_count;
    struct {
        bool buffer;
        double value;
    } rules[RULES_MAX];
};

static double quantile(void *context, int h, double level)
{
    return ensemble_quantile(((struct walk *)context)->ensemble, h, level);
}

/* Of the errors known by now, of the latest origins. */
static enum fw_err measure(struct walk *walk)
{
    int walked = ensemble_walked(walk->ensemble);
    int most = (int)(sizeof walk->errors / sizeof *walk->errors) / DAY;
    int from = walked > most ? walked - most : 0;
    for (int i = from; i < walked; i++)
        for (int h = 1; h <= DAY; h++)
            walk->errors[(i - from) * DAY + h - 1] = ensemble_error(walk->ensemble, i, h);
    return paths_law_measure(&walk->law, walk->errors, walked - from, DAY);
}

static enum fw_err decide(struct walk *walk, int at, int lead, const struct paths *paths)
{
    enum { P95 = 6 };
    struct capacity_row rows[DAY];
    struct capacity_demand demand = {0,
                                     HOUR_NS,
                                     lead,
                                     walk->said.mean,
                                     walk->said.mean,
                                     walk->said.quantiles[P95],
                                     NULL,
                                     paths->value,
                                     paths->count};
    struct capacity_settings settings = walk->settings;
    struct fw_detail detail = {""};
    settings.lead_time_ns = lead * HOUR_NS;
    printf("%d %d", at, lead);
    for (int i = 0; i < walk->rule_count; i++) {
        settings.buffer = walk->rules[i].buffer ? walk->rules[i].value : 0;
        settings.service_level =
            walk->rules[i].buffer ? capacity_defaults.service_level : walk->rules[i].value;
        enum fw_err err = capacity_plan(&demand, &settings, rows, &detail);
        if (err != FW_OK) {
            fprintf(stderr, "%s\n", detail.text);
            return err;
        }
        if (i == 0)
            printf(" %d", rows[0].gpus[CAPACITY_EXPECTED]);
        printf(" %d", rows[0].recommended);
    }
    puts("");
    return FW_OK;
}

static enum fw_err step(struct walk *walk, int number, int at, uint64_t seed)
{
    struct paths paths = {0};
    if (number % REMEASURE == 0)
        FW_TRY(measure(walk));
    FW_TRY(paths_draw(&paths, (int)number(getenv("HZ")), walk->path_count, &walk->law, quantile, walk,
                      seed + (uint64_t)number));
    enum fw_err err = FW_OK;
    for (int i = 0; err == FW_OK && i < walk->lead_count; i++)
        if (number * (int)number_(getenv("SP")) % walk->leads[i] == 0)
            err = decide(walk, at, walk->leads[i], &paths);
    paths_fini(&paths);
    return err;
}

static double number(const char *text)
{
    double value = NAN;
    if (!str_to_double(str_of(text), &value)) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

static struct walk *walk_of(int argc, char **argv)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        exit(3);
    walk->settings = capacity_defaults;
    walk->settings.unit_capacity = number(argv[4]);
    walk->settings.target_utilization = number(argv[5]);
    walk->settings.warning_utilization = number(argv[6]);
    walk->path_count = (int)number(argv[7]);
    struct str rest = str_of(argv[8]), part;
    while (walk->lead_count < 8 && str_cut(&rest, ',', &part)) {
        double lead = 0;
        if (!str_to_double(part, &lead) || lead < 1 || lead > DAY)
            exit(2);
        walk->leads[walk->lead_count++] = (int)lead;
    }
    for (int i = 9; i < argc && walk->rule_count < RULES_MAX; i++) {
        walk->rules[walk->rule_count].buffer = argv[i][0] == 'b';
        walk->rules[walk->rule_count++].value = number(argv[i] + 1);
    }
    return walk;
}

int main(int argc, char **argv)
{
    if (argc < 10)
        return 2;
    int count = (int)number(argv[2]), first = (int)number(argv[3]);
    struct walk *walk = walk_of(argc, argv);
    struct ensemble_settings settings = ensemble_defaults;
    struct fw_detail detail = {""};
    double *y = calloc((size_t)count, sizeof *y);
    FILE *file = fopen(argv[1], "rb");
    if (y == NULL || file == NULL || fread(y, sizeof *y, (size_t)count, file) != (size_t)count)
        return 3;
    fclose(file);
    settings.plan = (struct members_plan){.day = DAY,
                                          .week = 7 * DAY,
                                          .horizon = (int)number(getenv("HZ")),
                                          .first = first,
                                          .spacing = (int)number(getenv("SP")),
                                          .count = (count - first) / (int)number(getenv("SP")),
                                          .step_ns = HOUR_NS,
                                          .seed = 1};
    if (ensemble_create(&walk->ensemble, y, count, &settings, &detail) != FW_OK) {
        fprintf(stderr, "%s\n", detail.text);
        return 3;
    }
    enum fw_err err = FW_OK;
    for (int k = 0; err == FW_OK && ensemble_step(walk->ensemble, &walk->said); k++)
        err = step(walk, k, first + k * (int)number(getenv("SP")), 1);
    ensemble_free(&walk->ensemble);
    free(y);
    free(walk);
    return err == FW_OK ? 0 : 3;
}
