/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_store.h"
#include "forecast/prophet_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, HEAD_BYTES = 20 };
static const char MAGIC[8] = {'F', 'W', 'P', 'R', 'O', 'P', 'H', 'E'};

static void put_doubles(struct buf *out, const double *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_put_double(out, value[i]);
}

static void put_facts(const struct prophet *p, struct buf *out)
{
    const uint8_t flags[] = {p->growth,
                             p->scaling,
                             p->logarithm,
                             p->constant,
                             p->holidays_multiplicative,
                             p->sums.gram != NULL,
                             p->logarithm_refused,
                             p->one_instant};
    for (size_t i = 0; i < sizeof flags; i++)
        buf_put_u8(out, flags[i]);
    const double numbers[] = {p->changepoint_prior_scale,
                              p->interval_width,
                              p->span_ns,
                              p->y_scale,
                              p->y_floor,
                              p->log_shift,
                              p->sigma,
                              p->lp};
    put_doubles(out, numbers, sizeof numbers / sizeof *numbers);
    buf_put_u64(out, p->seed);
    buf_put_i64(out, p->start_ns);
    const uint64_t counts[] = {(uint64_t)p->uncertainty_samples,
                               p->parts,
                               p->columns,
                               p->days,
                               p->shapes,
                               p->changepoints,
                               p->regressors,
                               p->conditions,
                               p->rows,
                               p->left_out,
                               p->changepoints_asked};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        buf_put_u64(out, counts[i]);
}

static void put_part(const struct prophet_part *part, struct buf *out)
{
    buf_put_str(out, str_of(part->public.name));
    buf_put_u8(out, part->public.kind);
    buf_put_u8(out, part->public.multiplicative);
    buf_put_u8(out, part->conditional);
    buf_put_u32(out, part->first);
    buf_put_u32(out, part->count);
    buf_put_u32(out, part->input);
    const double numbers[] = {part->period_days, part->mean, part->sd, part->prior_scale};
    put_doubles(out, numbers, 4);
}

static void put_body(const struct prophet *p, struct buf *out)
{
    put_facts(p, out);
    for (size_t i = 0; i < p->parts; i++)
        put_part(&p->part[i], out);
    for (size_t c = 0; c < p->columns; c++) {
        buf_put_u32(out, p->column[c].part);
        buf_put_double(out, p->column[c].prior_mean);
        buf_put_double(out, p->column[c].prior_sd);
        buf_put_u8(out, p->column[c].multiplicative);
    }
    for (size_t i = 0; i < p->days; i++) {
        buf_put_i64(out, p->day[i].day);
        buf_put_u32(out, p->day[i].column);
    }
    for (size_t i = 0; i < p->shapes; i++) {
        buf_put_i64(out, p->shape[i].at_ns);
        buf_put_double(out, p->shape[i].half_life_hours);
        buf_put_u32(out, p->shape[i].column);
    }
    put_doubles(out, p->changepoint, p->changepoints);
    put_doubles(out, p->theta, prophet_unknowns(p));
    put_doubles(out, p->sd, p->columns);
    if (p->sums.gram) {
        buf_put_double(out, p->sums.n);
        put_doubles(out, p->sums.gram, p->sums.kept);
    }
}

void prophet_save(const struct prophet *p, struct buf *out)
{
    struct buf body;
    buf_init(&body, PROPHET_STORE_BYTES_MAX);
    put_body(p, &body);
    buf_add(out, MAGIC, sizeof MAGIC);
    buf_put_u32(out, VERSION);
    buf_put_u64(out, str_hash(body.data, body.len, VERSION));
    buf_add(out, body.data, body.len);
    out->failed = out->failed || body.failed;
    buf_fini(&body);
}

static double number(struct buf_reader *reader)
{
    double value = buf_get_double(reader);
    reader->failed = reader->failed || !isfinite(value);
    return value;
}

static void get_doubles(struct buf_reader *reader, double *value, size_t n)
{
    for (size_t i = 0; i < n && !reader->failed; i++)
        value[i] = number(reader);
}

static size_t count(struct buf_reader *reader, size_t most)
{
    uint64_t n = buf_get_u64(reader);
    reader->failed = reader->failed || n > most;
    return reader->failed ? 0 : (size_t)n;
}

static uint8_t choice(struct buf_reader *reader, uint8_t most)
{
    uint8_t value = buf_get_u8(reader);
    reader->failed = reader->failed || value > most;
    return reader->failed ? 0 : value;
}

/* True when there are sums. */
static bool get_facts(struct prophet *p, struct buf_reader *reader)
{
    p->growth = (enum prophet_growth)choice(reader, PROPHET_FLAT);
    p->scaling = (enum prophet_scaling)choice(reader, PROPHET_MINMAX);
    p->logarithm = choice(reader, 1);
    p->constant = choice(reader, 1);
    p->holidays_multiplicative = choice(reader, 1);
    bool sums = choice(reader, 1);
    p->logarithm_refused = choice(reader, 1);
    p->one_instant = choice(reader, 1);
    double *numbers[] = {&p->changepoint_prior_scale,
                         &p->interval_width,
                         &p->span_ns,
                         &p->y_scale,
                         &p->y_floor,
                         &p->log_shift,
                         &p->sigma,
                         &p->lp};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = number(reader);
    p->seed = buf_get_u64(reader);
    p->start_ns = buf_get_i64(reader);
    p->uncertainty_samples = (int)count(reader, PROPHET_SAMPLES_MAX);
    p->parts = count(reader, PROPHET_STORE_BYTES_MAX / 64);
    p->columns = count(reader, PROPHET_COLUMNS_MAX);
    p->days = count(reader, PROPHET_STORE_BYTES_MAX / 12);
    p->shapes = count(reader, PROPHET_EVENTS_MAX);
    p->changepoints = count(reader, PROPHET_CHANGEPOINTS_MAX);
    p->regressors = (uint32_t)count(reader, PROPHET_COLUMNS_MAX);
    p->conditions = (uint32_t)count(reader, PROPHET_COLUMNS_MAX);
    p->rows = count(reader, UINT32_MAX);
    p->left_out = count(reader, UINT32_MAX);
    p->changepoints_asked = count(reader, PROPHET_CHANGEPOINTS_MAX);
    reader->failed = reader->failed || !(p->span_ns > 0) || !(p->y_scale > 0);
    return sums;
}

static void get_part(const struct prophet *p, struct prophet_part *part, struct buf_reader *reader)
{
    struct str name = buf_get_str(reader);
    if (name.len >= PROPHET_NAME_MAX)
        reader->failed = true;
    if (reader->failed)
        return;
    memcpy(part->public.name, name.data, name.len);
    part->public.kind = (enum prophet_kind)choice(reader, PROPHET_EVENT);
    part->public.multiplicative = choice(reader, 1);
    part->conditional = choice(reader, 1);
    part->first = buf_get_u32(reader);
    part->count = buf_get_u32(reader);
    part->input = buf_get_u32(reader);
    double *numbers[] = {&part->period_days, &part->mean, &part->sd, &part->prior_scale};
    for (size_t i = 0; i < 4; i++)
        *numbers[i] = number(reader);
    size_t inputs = part->public.kind == PROPHET_REGRESSOR ? p->regressors : p->conditions;
    bool reads = part->public.kind == PROPHET_REGRESSOR || part->conditional;
    bool season = part->public.kind == PROPHET_SEASON;
    if (part->first > p->columns || part->count > p->columns - part->first ||
        (reads && part->input >= inputs) ||
        (season && (part->count < 2 || part->count % 2 != 0 || !(part->period_days > 0))) ||
        (!season && part->count < 1))
        reader->failed = true;
}

static uint32_t column_of(const struct prophet *p, struct buf_reader *reader)
{
    uint32_t column = buf_get_u32(reader);
    reader->failed = reader->failed || column >= p->columns;
    return column;
}

static void get_columns(struct prophet *p, struct buf_reader *reader)
{
    for (size_t c = 0; c < p->columns && !reader->failed; c++) {
        p->column[c].part = buf_get_u32(reader);
        p->column[c].prior_mean = number(reader);
        p->column[c].prior_sd = number(reader);
        p->column[c].multiplicative = choice(reader, 1);
        reader->failed =
            reader->failed || p->column[c].part >= p->parts || !(p->column[c].prior_sd > 0);
    }
    for (size_t i = 0; i < p->days && !reader->failed; i++) {
        p->day[i].day = buf_get_i64(reader);
        p->day[i].column = column_of(p, reader);
    }
    for (size_t i = 0; i < p->shapes && !reader->failed; i++) {
        p->shape[i].at_ns = buf_get_i64(reader);
        p->shape[i].half_life_hours = number(reader);
        p->shape[i].column = column_of(p, reader);
    }
}

/* Room for what the head counts, never NULL for want of items. */
static bool reserve(struct prophet *p)
{
    p->part = calloc(p->parts + 1, sizeof *p->part);
    p->column = calloc(p->columns + 1, sizeof *p->column);
    p->day = calloc(p->days + 1, sizeof *p->day);
    p->shape = calloc(p->shapes + 1, sizeof *p->shape);
    p->changepoint = calloc(p->changepoints + 1, sizeof *p->changepoint);
    p->theta = calloc(prophet_unknowns(p), sizeof *p->theta);
    p->sd = calloc(p->columns + 1, sizeof *p->sd);
    return p->part && p->column && p->day && p->shape && p->changepoint && p->theta && p->sd;
}

static enum fw_err get_body(struct prophet *p, struct buf_reader *reader, struct fw_detail *detail)
{
    bool sums = get_facts(p, reader);
    /* Every item has some bytes: what claims more than there are is damaged. */
    size_t items = p->parts + p->columns + p->days + p->shapes + p->changepoints;
    if (reader->failed || items > reader->len)
        return err_set(detail, FW_CORRUPT, "the model is damaged in its head");
    if (!reserve(p))
        return err_set(detail, FW_NOMEM, "no memory for a model of %zu columns", p->columns);
    for (size_t i = 0; i < p->parts && !reader->failed; i++)
        get_part(p, &p->part[i], reader);
    get_columns(p, reader);
    get_doubles(reader, p->changepoint, p->changepoints);
    get_doubles(reader, p->theta, prophet_unknowns(p));
    get_doubles(reader, p->sd, p->columns);
    if (sums && !reader->failed) {
        if (!prophet_sums_init(&p->sums, p))
            return err_set(detail, FW_NOMEM, "no memory for the sums of %zu columns", p->columns);
        p->sums.n = number(reader);
        get_doubles(reader, p->sums.gram, p->sums.kept);
    }
    if (reader->failed || reader->at != reader->len)
        return err_set(detail, FW_CORRUPT, "the model is damaged at byte %zu",
                       reader->at + HEAD_BYTES);
    return FW_OK;
}

enum fw_err prophet_load(struct str data, struct prophet **prophet, struct fw_detail *detail)
{
    struct buf_reader reader = {
        .data = (const uint8_t *)data.data, .len = data.len, .at = sizeof MAGIC};
    *prophet = NULL;
    if (data.len < HEAD_BYTES || memcmp(data.data, MAGIC, sizeof MAGIC) != 0)
        return err_set(detail, FW_FOREIGN, "this is not a model of forewarm");
    uint32_t version = buf_get_u32(&reader);
    if (version != VERSION)
        return err_set(detail, FW_VERSION, "the model has version %u, expected %d", version,
                       (int)VERSION);
    if (buf_get_u64(&reader) != str_hash(data.data + HEAD_BYTES, data.len - HEAD_BYTES, VERSION))
        return err_set(detail, FW_CORRUPT, "the model is damaged: its sum does not match");
    struct prophet *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(detail, FW_NOMEM, "no memory for a model");
    enum fw_err err = get_body(p, &reader, detail);
    if (err != FW_OK)
        prophet_destroy(&p);
    *prophet = p;
    return err;
}
