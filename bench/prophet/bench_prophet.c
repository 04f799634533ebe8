/* SPDX-License-Identifier: MIT
 * Fits one series again and again and says how much processor time it took. Standard input: a line
 * for each row, "seconds since 1970, y, cap". Prints "cold_ms warm_ms lp". */
#include "forecast/prophet.h"
#include "base/stats.h"
#include "base/time.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS_MAX = 100000, ROUNDS_MAX = 1000 };

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct prophet_options options_of(const char *mode)
{
    struct prophet_options options = prophet_defaults();
    if (strcmp(mode, "logistic") == 0)
        options.growth = PROPHET_LOGISTIC;
    if (strcmp(mode, "multiplicative") == 0) {
        options.seasonality_mode = PROPHET_MULTIPLICATIVE;
        options.weekly_seasonality = options.daily_seasonality = 0;
    }
    return options;
}

static size_t read_rows(int64_t *at_ns, double *y, double *cap)
{
    size_t n = 0;
    char line[200];
    while (n < ROWS_MAX && fgets(line, sizeof line, stdin)) {
        char *rest = line;
        at_ns[n] = strtoll(rest, &rest, 10) * TIME_SECOND;
        y[n] = strtod(rest, &rest);
        cap[n++] = strtod(rest, &rest);
    }
    return n;
}

int main(int argc, char **argv)
{
    static int64_t at_ns[ROWS_MAX];
    static double y[ROWS_MAX], cap[ROWS_MAX], took_ms[ROUNDS_MAX];
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    if (rounds < 2 || rounds > ROUNDS_MAX) {
        fprintf(stderr,
                "usage: bench_prophet additive|multiplicative|logistic ROUNDS (2 to %d) <rows\n",
                ROUNDS_MAX);
        return 2;
    }
    struct prophet_options options = options_of(argv[1]);
    struct prophet_rows rows = {
        .count = read_rows(at_ns, y, cap), .at_ns = at_ns, .y = y, .cap = cap};
    double lp = 0;
    for (int i = 0; i < rounds; i++) {
        struct prophet *prophet;
        struct fw_detail detail = {0};
        double begun_ms = now_ms();
        if (prophet_fit(&options, &rows, &prophet, &detail) != FW_OK) {
            fprintf(stderr, "%s\n", detail.text);
            return 2;
        }
        took_ms[i] = now_ms() - begun_ms;
        lp = prophet_lp(prophet);
        prophet_destroy(&prophet);
    }
    double cold_ms = took_ms[0];
    stats_sort_doubles(took_ms + 1, (size_t)rounds - 1);
    printf("%.4f %.4f %.6f\n", cold_ms, stats_quantile(took_ms + 1, (size_t)rounds - 1, 0.5), lp);
    return 0;
}
