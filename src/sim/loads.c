/* SPDX-License-Identifier: MIT */
#include "sim/loads.h"
#include "base/csv.h"
#include "base/prng.h"
#include "base/stats.h"
#include "base/time.h"
#include <stdlib.h>

void loads_init(struct loads *loads, int64_t fixed_ns, uint64_t seed)
{
    *loads = (struct loads){.fixed_ns = fixed_ns, .seed = seed};
}

void loads_fini(struct loads *loads)
{
    free(loads->values_ns);
    *loads = (struct loads){0};
}

struct reading {
    struct loads *loads;
    const char *name;
    struct fw_detail *detail;
    size_t capacity;
    int column; /* -1: the header is not read */
    double unit_s;
};

static enum fw_err find_column(struct reading *reading, const struct csv_row *row)
{
    for (uint32_t i = 0; i < row->count; i++) {
        struct str name = str_trim(row->fields[i]);
        bool milliseconds = str_equal(name, STR("value")) || str_ends(name, STR("_ms"));
        if (!milliseconds && !str_ends(name, STR("_s")))
            continue;
        reading->column = (int)i;
        reading->unit_s = milliseconds ? 1e-3 : 1;
        return FW_OK;
    }
    return err_set(reading->detail, FW_INPUT,
                   "%s:%llu: header: found no column of load times, expected `value` "
                   "(milliseconds), or one ending in _s or _ms",
                   reading->name, (unsigned long long)row->line);
}

static enum fw_err take_row(void *context, const struct csv_row *row)
{
    struct reading *reading = context;
    struct loads *loads = reading->loads;
    if (reading->column < 0)
        return find_column(reading, row);
    double value = -1;
    if ((uint32_t)reading->column >= row->count ||
        !str_to_double(str_trim(row->fields[reading->column]), &value) || !(value >= 0) ||
        value * reading->unit_s > LOADS_MAX_S) {
        struct str found =
            (uint32_t)reading->column < row->count ? row->fields[reading->column] : STR("nothing");
        return err_set(reading->detail, FW_INPUT,
                       "%s:%llu: load time: found \"%.*s\", expected a number from 0 to a "
                       "day",
                       reading->name, (unsigned long long)row->line,
                       (int)(found.len < 60 ? found.len : 60), found.data);
    }
    if (loads->count == LOADS_VALUES_MAX)
        return err_set(reading->detail, FW_LIMIT, "%s: more than %d load times", reading->name,
                       LOADS_VALUES_MAX);
    if (loads->count == reading->capacity) {
        size_t capacity = reading->capacity ? 2 * reading->capacity : 1024;
        int64_t *grown = realloc(loads->values_ns, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        loads->values_ns = grown;
        reading->capacity = capacity;
    }
    loads->values_ns[loads->count++] = time_from_seconds(value * reading->unit_s);
    return FW_OK;
}

enum fw_err loads_read(struct loads *loads, const char *name, struct str text,
                       struct fw_detail *detail)
{
    struct reading reading = {.loads = loads, .name = name, .detail = detail, .column = -1};
    struct csv csv;
    csv_init(&csv, 1 << 16, take_row, &reading, detail);
    csv.skip_empty_lines = true;
    enum fw_err err = csv_feed(&csv, text.data, text.len);
    if (err == FW_OK)
        err = csv_end(&csv);
    csv_fini(&csv);
    if (err == FW_OK && loads->count == 0)
        err = err_set(detail, FW_INPUT, "%s: no load times in it", name);
    if (err == FW_OK)
        stats_sort_int64(loads->values_ns, loads->count);
    return err;
}

int64_t loads_draw(const struct loads *loads, uint32_t resource, uint64_t number)
{
    if (loads->by_resource_ns)
        return loads->by_resource_ns[resource];
    if (loads->count == 0)
        return loads->fixed_ns;
    uint64_t mixed = prng_mix(prng_mix(loads->seed, resource), number);
    /* The high word of the product maps the 64-bit draw evenly onto the values. */
    return loads->values_ns[(size_t)(((unsigned __int128)mixed * loads->count) >> 64)];
}

int64_t loads_median(const struct loads *loads)
{
    return loads->count == 0 ? loads->fixed_ns : loads->values_ns[loads->count / 2];
}
