/* SPDX-License-Identifier: MIT
 * Prints runs of the demo side by side: what the clients saw (loadgen --json) and what it took
 * (forewarm's /metrics). Usage: demo-compare TITLE REPORT METRICS [TITLE REPORT METRICS]... */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4, LINE_MAX_BYTES = 4096 };

struct run {
    const char *title;
    json_t *report;
    double loads, loads_ahead, failed_loads, hits, idle_s;
};

/* "name{...} value": does the sample have this name, and these words among its labels? */
static bool sample_is(const char *line, const char *name, const char *label)
{
    size_t len = strlen(name);
    return strncmp(line, name, len) == 0 && (line[len] == '{' || line[len] == ' ') &&
           (!label || strstr(line, label));
}

static bool read_metrics(struct run *run, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[LINE_MAX_BYTES];
    if (!file) {
        perror(path);
        return false;
    }
    while (fgets(line, sizeof line, file)) {
        const char *blank = strrchr(line, ' ');
        double value = blank && line[0] != '#' ? strtod(blank, NULL) : 0;
        if (sample_is(line, "forewarm_warmups_total", "result=\"ok\"")) {
            run->loads += value;
            run->loads_ahead += strstr(line, "cause=\"request\"") ? 0 : value;
        } else if (sample_is(line, "forewarm_warmups_total", "result=\"failed\"")) {
            run->failed_loads += value;
        } else if (sample_is(line, "prewarm_hits_total", NULL)) {
            run->hits += value;
        } else if (sample_is(line, "forewarm_idle_warm_seconds_total", NULL)) {
            run->idle_s += value;
        }
    }
    fclose(file);
    return true;
}

static double number(const json_t *report, const char *outer, const char *inner)
{
    const json_t *value = json_object_get(report, outer);
    return json_number_value(inner ? json_object_get(value, inner) : value);
}

static void print_row(const struct run *runs, int count, const char *name, const char *outer,
                      const char *inner, int decimals, const char *unit)
{
    printf("  %-34s", name);
    for (int i = 0; i < count; i++)
        printf("%16.*f%-2s", decimals, number(runs[i].report, outer, inner), unit);
    putchar('\n');
}

static void print_values(const char *name, const double *values, int count, int decimals,
                         const char *unit)
{
    printf("  %-34s", name);
    for (int i = 0; i < count; i++)
        printf("%16.*f%-2s", decimals, values[i], unit);
    putchar('\n');
}

static void print_runs(const struct run *runs, int count)
{
    double loads[RUNS_MAX], ahead[RUNS_MAX], idle[RUNS_MAX], failed[RUNS_MAX];
    for (int i = 0; i < count; i++) {
        loads[i] = runs[i].loads;
        ahead[i] = runs[i].loads_ahead;
        idle[i] = runs[i].idle_s;
        failed[i] = runs[i].failed_loads + number(runs[i].report, "failed", NULL);
    }
    printf("\n  %-34s", "");
    for (int i = 0; i < count; i++)
        printf("%16s  ", runs[i].title);
    putchar('\n');
    print_row(runs, count, "requests", "requests", NULL, 0, "");
    print_row(runs, count, "met a cold model", "cold", NULL, 0, "");
    print_row(runs, count, "waited for a load: p50", "wait_s", "p50", 2, " s");
    print_row(runs, count, "                   p95", "wait_s", "p95", 2, " s");
    print_row(runs, count, "                   p99", "wait_s", "p99", 2, " s");
    print_row(runs, count, "waited in all", "held_s", NULL, 1, " s");
    print_row(runs, count, "first byte of the answer: p95", "first_byte_s", "p95", 2, " s");
    print_values("model loads", loads, count, 0, "");
    print_values("of these before anyone waited", ahead, count, 0, "");
    print_values("models warm and unused", idle, count, 0, " s");
    print_values("failures", failed, count, 0, "");
    putchar('\n');
}

int main(int argc, char **argv)
{
    struct run runs[RUNS_MAX] = {0};
    int count = (argc - 1) / 3, status = 0;
    if (argc < 4 || (argc - 1) % 3 != 0 || count > RUNS_MAX) {
        fprintf(stderr, "usage: demo-compare TITLE REPORT METRICS...\n");
        return 2;
    }
    for (int i = 0; i < count && status == 0; i++) {
        json_error_t error;
        runs[i].title = argv[1 + 3 * i];
        runs[i].report = json_load_file(argv[2 + 3 * i], 0, &error);
        if (!runs[i].report)
            fprintf(stderr, "%s:%d: %s\n", argv[2 + 3 * i], error.line, error.text);
        if (!runs[i].report || !read_metrics(&runs[i], argv[3 + 3 * i]))
            status = 3;
    }
    if (status == 0)
        print_runs(runs, count);
    for (int i = 0; i < count; i++)
        json_decref(runs[i].report);
    return status;
}
