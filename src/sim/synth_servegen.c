/* SPDX-License-Identifier: MIT
 * The servegen profile. A row is a client's window of 600 s: rate, the coefficient of variation,
 * and the law of its gaps with its shape (p1). The file's scale is not used: gaps have the mean 1 /
 * rate, so that the counts are right. Time in which a client has no window stands still for its
 * gaps. */
#include "base/csv.h"
#include "base/time.h"
#include "sim/synth_part.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW_S = 600, SERVEGEN_COLUMNS = 7 };
static const double shape_min =
    0.05; /* the file holds shapes down to 0.007, whose gaps are zero or eternal */

struct window {
    uint32_t client, row;
    double from_s, rate, shape;
    bool weibull;
};
struct windows {
    struct window *items;
    size_t count, capacity;
    struct table clients;
    bool header_read;
    const char *name;
    struct fw_detail *detail;
    double end_s;
};

static enum fw_err bad_field(struct windows *windows, const struct csv_row *row, const char *field,
                             struct str found, const char *expected)
{
    return err_set(windows->detail, FW_INPUT, "%s:%llu: %s: found \"%.*s\", expected %s",
                   windows->name, (unsigned long long)row->line, field,
                   (int)(found.len < 60 ? found.len : 60), found.data, expected);
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct windows *windows = context;
    static const char *const names[SERVEGEN_COLUMNS] = {"client", "t_s", "rate_rps", "cv",
                                                        "dist",   "p1",  "p2"};
    if (row->count != SERVEGEN_COLUMNS)
        return bad_field(windows, row, "row", row->fields[0], "client,t_s,rate_rps,cv,dist,p1,p2");
    if (!windows->header_read) {
        windows->header_read = true;
        for (int i = 0; i < SERVEGEN_COLUMNS; i++)
            if (!str_equal(str_trim(row->fields[i]), str_of(names[i])))
                return bad_field(windows, row, "header", row->fields[i], names[i]);
        return FW_OK;
    }
    struct window window = {.row = (uint32_t)windows->count};
    if (!str_to_double(row->fields[1], &window.from_s) || !(window.from_s >= 0) ||
        window.from_s > 1e9)
        return bad_field(windows, row, "t_s", row->fields[1], "seconds from the start");
    if (!str_to_double(row->fields[2], &window.rate) || !(window.rate >= 0) || window.rate > 1e6)
        return bad_field(windows, row, "rate_rps", row->fields[2], "requests a second");
    if (!str_to_double(row->fields[5], &window.shape) || !(window.shape > 0))
        return bad_field(windows, row, "p1", row->fields[5], "a shape greater than 0");
    window.weibull = str_equal(row->fields[4], STR("Weibull"));
    if (!window.weibull && !str_equal(row->fields[4], STR("Gamma")) &&
        !str_equal(row->fields[4], STR("Exponential")))
        return bad_field(windows, row, "dist", row->fields[4], "Gamma, Weibull or Exponential");
    if (str_equal(row->fields[4], STR("Exponential")))
        window.shape = 1;
    window.shape = window.shape < shape_min ? shape_min : window.shape;
    if (windows->count >= SYNTH_CLIENT_ROWS_MAX)
        return err_set(windows->detail, FW_LIMIT, "%s: more than %d rows", windows->name,
                       SYNTH_CLIENT_ROWS_MAX);
    if (windows->count == windows->capacity) {
        size_t capacity = windows->capacity ? 2 * windows->capacity : 1024;
        struct window *grown = realloc(windows->items, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        windows->items = grown;
        windows->capacity = capacity;
    }
    FW_TRY(table_add(&windows->clients, row->fields[0], &window.client, NULL));
    windows->items[windows->count++] = window;
    windows->end_s =
        window.from_s + WINDOW_S > windows->end_s ? window.from_s + WINDOW_S : windows->end_s;
    return FW_OK;
}

static int compare_windows(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    if (x->from_s != y->from_s)
        return x->from_s < y->from_s ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* A gap with mean 1. */
static double unit_gap(const struct window *window, struct prng *prng)
{
    if (window->weibull)
        return prng_weibull(prng, window->shape, 1 / tgamma(1 + 1 / window->shape));
    return prng_gamma(prng, window->shape, 1 / window->shape);
}

static enum fw_err one_client(struct synth *synth, const struct synth_settings *settings,
                              const struct windows *windows, size_t from, size_t to, double end_s,
                              uint32_t resource)
{
    struct prng prng;
    prng_init(&prng, prng_mix(settings->seed, windows->items[from].client));
    double wait = unit_gap(&windows->items[from], &prng) *
                  prng_uniform(&prng); /* expected requests until the next one */
    for (size_t i = from; i < to; i++) {
        const struct window *window = &windows->items[i];
        double at_s = window->from_s;
        if (at_s >= end_s)
            break;
        for (;;) {
            double left = (window->from_s + WINDOW_S - at_s) * window->rate;
            if (wait > left) {
                wait -= left;
                break;
            }
            at_s += window->rate > 0 ? wait / window->rate : 0;
            wait = unit_gap(window, &prng);
            if (at_s >= end_s)
                break;
            FW_TRY(synth_add(synth, time_from_seconds(at_s), resource, resource + 1,
                             synth_duration_ns(&prng, settings->duration_ns)));
        }
    }
    return FW_OK;
}

static enum fw_err all_clients(struct synth *synth, const struct synth_settings *settings,
                               const struct windows *windows, double end_s)
{
    for (size_t from = 0, to; from < windows->count; from = to) {
        double expected = 0;
        for (to = from;
             to < windows->count && windows->items[to].client == windows->items[from].client; to++)
            expected += windows->items[to].rate * WINDOW_S;
        double per_day = expected / (windows->end_s / 86400);
        if (per_day < settings->client_min || per_day > settings->client_max)
            continue;
        char name[128];
        struct str client = table_key(&windows->clients, windows->items[from].client);
        int len = snprintf(name, sizeof name, "client-%.*s",
                           (int)(client.len < 100 ? client.len : 100), client.data);
        uint32_t resource;
        FW_TRY(table_add(&synth->resources, (struct str){name, (size_t)len}, &resource, NULL));
        FW_TRY(one_client(synth, settings, windows, from, to, end_s, resource));
    }
    return FW_OK;
}

enum fw_err synth_servegen(struct synth *synth, const struct synth_settings *settings,
                           struct str clients, const char *name, struct fw_detail *detail)
{
    struct windows windows = {.name = name, .detail = detail};
    table_init(&windows.clients, SYNTH_RESOURCES_MAX);
    struct csv csv;
    csv_init(&csv, 4096, take_row, &windows, detail);
    csv.skip_empty_lines = true;
    enum fw_err err = csv_feed(&csv, clients.data, clients.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    if (err == FW_OK && windows.count == 0)
        err = err_set(detail, FW_INPUT, "%s: no windows of clients in it", name);
    if (err == FW_OK) {
        qsort(windows.items, windows.count, sizeof *windows.items, compare_windows);
        double end_s = settings->span_ns > 0 ? time_to_seconds(settings->span_ns) : windows.end_s;
        err = all_clients(synth, settings, &windows, end_s);
    }
    if (err == FW_OK && synth->count == 0)
        err = err_set(detail, FW_INPUT, "%s: no client has between %g and %g requests a day", name,
                      settings->client_min, settings->client_max);
    table_fini(&windows.clients);
    free(windows.items);
    return err;
}
