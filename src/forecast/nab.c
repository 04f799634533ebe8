/* SPDX-License-Identifier: MIT */
#include "forecast/nab.h"
#include <math.h>
#include <stdlib.h>

const char *const nab_profiles[NAB_PROFILES] = {"standard", "low_FP", "low_FN"};
/* What a false alarm and a missed window cost; a window that is found is worth 1. */
static const double false_alarm[NAB_PROFILES] = {.11, .22, .11};
static const double missed[NAB_PROFILES] = {1, 1, 2};

enum { OUTSIDE = UINT32_MAX };

struct row {
    double score;
    double weight;   /* inside a window: what its best row is worth; outside: of the alarm */
    uint32_t window; /* over all files; OUTSIDE */
};

size_t nab_learning_rows(size_t rows)
{
    size_t share = (size_t)floor(.15 * (double)rows);
    return share < 750 ? share : 750;
}

static double sigmoid(double x)
{
    return 2 / (1 + exp(fmin(700, 5 * x))) - 1;
}

/* An alarm outside the windows hurts the less, the closer it follows one. */
static double outside_weight(const struct nab_file *file, size_t next, size_t row)
{
    if (next == 0)
        return -1;
    const struct nab_window *before = &file->windows[next - 1];
    double length = (double)(before->last - before->first);
    double past = length > 0 ? (double)(row - before->last) / length : INFINITY;
    return past > 3 ? -1 : sigmoid(past);
}

static size_t take_rows(const struct nab_file *file, uint32_t first_window, struct row *rows)
{
    size_t from = nab_learning_rows(file->rows), next = 0, count = 0;
    for (size_t i = 0; i < file->rows; i++) {
        while (next < file->window_count && i > file->windows[next].last)
            next++;
        if (i < from)
            continue;
        struct row *row = &rows[count++];
        row->score = file->score[i];
        row->window = OUTSIDE;
        if (next < file->window_count && i >= file->windows[next].first) {
            const struct nab_window *window = &file->windows[next];
            double length = (double)(window->last - window->first + 1);
            row->weight = sigmoid(-(double)(window->last - i + 1) / length) / sigmoid(-1);
            row->window = first_window + (uint32_t)next;
        } else {
            row->weight = outside_weight(file, next, i);
        }
    }
    return count;
}

static int by_score(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    return (a->score < b->score) - (a->score > b->score);
}

/* The best total over all thresholds: rows from the highest score down. `found` is scratch. */
static double best_total(const struct row *rows, size_t count, int profile, double *found,
                         size_t windows)
{
    double total = 0, best = 0;
    for (size_t i = 0; i < windows; i++)
        found[i] = -missed[profile];
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (row->window == OUTSIDE) {
            total += row->weight * false_alarm[profile];
        } else if (row->weight > found[row->window]) {
            total += row->weight - found[row->window];
            found[row->window] = row->weight;
        }
        if ((i + 1 == count || rows[i + 1].score < row->score) && total > best)
            best = total;
    }
    return best;
}

enum fw_err nab_score(const struct nab_file *files, size_t count, double scores[NAB_PROFILES])
{
    size_t rows = 0, windows = 0, taken = 0, seen = 0;
    for (size_t i = 0; i < count; i++) {
        rows += files[i].rows;
        windows += files[i].window_count;
    }
    struct row *all = calloc(rows + 1, sizeof *all);
    double *found = calloc(windows + 1, sizeof *found);
    enum fw_err err = all && found ? FW_OK : FW_NOMEM;
    for (size_t i = 0; i < count && err == FW_OK; i++) {
        taken += take_rows(&files[i], (uint32_t)seen, all + taken);
        seen += files[i].window_count;
    }
    if (err == FW_OK)
        qsort(all, taken, sizeof *all, by_score);
    for (int profile = 0; profile < NAB_PROFILES && err == FW_OK; profile++) {
        /* Silence gets -missed for each window; the total counts from there. */
        double best = best_total(all, taken, profile, found, windows);
        double most = (double)windows * (1 + missed[profile]);
        scores[profile] = windows > 0 ? 100 * best / most : 0;
    }
    free(all);
    free(found);
    return err;
}
