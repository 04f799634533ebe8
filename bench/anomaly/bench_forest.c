/* SPDX-License-Identifier: MIT
 * The isolation forest on rows from a file (doubles, row after row): fit, score, score one row at a
 * time; times on standard output, the scores as doubles into a file.
 * Usage: bench_forest ROWS COLUMNS SEED IN OUT */
#include "forecast/isolation_forest.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ONE_BY_ONE = 2000, FITS = 20 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(const double *rows, size_t count, uint32_t columns, uint64_t seed, double *scores)
{
    struct isolation_forest *forest = NULL;
    double before = seconds_now();
    for (int i = 0; i < FITS; i++) {
        isolation_forest_free(&forest);
        if (isolation_forest_fit(&forest, rows, count, columns, seed) != FW_OK)
            return 1;
    }
    printf("fit_s %.9f\n", (seconds_now() - before) / FITS);
    before = seconds_now();
    for (size_t i = 0; i < ONE_BY_ONE && i < count; i++)
        isolation_forest_score(forest, rows + i * columns, 1, scores + i);
    printf("one_s %.9f\n", (seconds_now() - before) / ONE_BY_ONE);
    before = seconds_now();
    isolation_forest_score(forest, rows, count, scores);
    printf("score_s %.9f\n", seconds_now() - before);
    isolation_forest_free(&forest);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    size_t count = strtoul(argv[1], NULL, 10), columns = strtoul(argv[2], NULL, 10);
    double *rows = malloc(count * columns * sizeof *rows), *scores = malloc(count * sizeof *scores);
    FILE *in = fopen(argv[4], "rb"), *out = fopen(argv[5], "wb");
    int status = 3;
    if (rows && scores && in && out && fread(rows, columns * sizeof *rows, count, in) == count)
        status = run(rows, count, (uint32_t)columns, strtoul(argv[3], NULL, 10), scores);
    if (status == 0 && fwrite(scores, sizeof *scores, count, out) != count)
        status = 3;
    if (in)
        fclose(in);
    if (out && fclose(out) != 0)
        status = 3;
    free(rows);
    free(scores);
    return status;
}
