/* SPDX-License-Identifier: MIT
 * What outlives the process: pages of counts that changed, what was said and learned of each
 * series, the calendar, the anomalies. Parts are named "KIND" or "KIND/ID" or "KIND/NUMBER/ID";
 * each begins with its version, and what cannot be read is told and left out. */
#include "edge/demand/foresight_part.h"
#include "edge/log.h"
#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, PARTS_BYTES_MAX = 1 << 28 };
static const char page_letters[COUNT_GRAIN_COUNT] = {'m', 't', 'h'};

/* ---- what is learned of a series ---- */

static void put_learned(const struct foresight_series *series, struct buf *out)
{
    const struct foresight_model *model = &series->model;
    const struct foresight_validity *validity = &series->validity;
    buf_put_u8(out, VERSION);
    buf_put_i64(out, model->trained_ns);
    buf_put_u8(out, (uint8_t)(model->naive | model->boosted << 1 | validity->lost << 2));
    buf_put_double(out, model->error);
    buf_put_double(out, model->naive_error);
    buf_put_u32(out, model->trainings);
    buf_put_i64(out, validity->at_ns);
    buf_put_u32(out, validity->hours);
    buf_put_double(out, validity->mase);
    buf_put_double(out, validity->naive_mase);
    buf_put_double(out, validity->ratio);
    buf_put_double(out, validity->coverage);
    buf_put_u32(out, validity->validations);
    buf_put_i64(out, series->said_since_ns);
    for (int i = 0; i < SAID_HOURS; i++) {
        buf_put_i64(out, series->said[i].hour);
        buf_put_float(out, series->said[i].mean);
        buf_put_float(out, series->said[i].low);
        buf_put_float(out, series->said[i].high);
    }
}

bool foresight_get_learned(struct foresight_series *series, struct str bytes)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    struct foresight_model model = {0};
    struct foresight_validity validity = {0};
    if (buf_get_u8(&in) != VERSION)
        return false;
    model.trained_ns = buf_get_i64(&in);
    uint8_t flags = buf_get_u8(&in);
    model.naive = flags & 1;
    model.boosted = flags & 2;
    validity.lost = flags & 4;
    model.error = buf_get_double(&in);
    model.naive_error = buf_get_double(&in);
    model.trainings = buf_get_u32(&in);
    validity.at_ns = buf_get_i64(&in);
    validity.hours = buf_get_u32(&in);
    validity.mase = buf_get_double(&in);
    validity.naive_mase = buf_get_double(&in);
    validity.ratio = buf_get_double(&in);
    validity.coverage = buf_get_double(&in);
    validity.validations = buf_get_u32(&in);
    int64_t said_since_ns = buf_get_i64(&in);
    struct foresight_said said[SAID_HOURS];
    for (int i = 0; i < SAID_HOURS; i++) {
        said[i].hour = buf_get_i64(&in);
        said[i].mean = buf_get_float(&in);
        said[i].low = buf_get_float(&in);
        said[i].high = buf_get_float(&in);
    }
    if (in.failed || in.at != in.len || model.trained_ns < 0 || validity.at_ns < 0 ||
        said_since_ns < 0)
        return false;
    series->model = model;
    series->validity = validity;
    series->said_since_ns = said_since_ns;
    memcpy(series->said, said, sizeof said);
    return true;
}

/* ---- lists ---- */

static void put_plans(const struct foresight *foresight, struct buf *out)
{
    buf_put_u8(out, VERSION);
    buf_put_u64(out, foresight->plan_number);
    for (size_t i = 0; i < foresight->plan_count; i++) {
        const struct plan_item *item = &foresight->plans[i];
        if (item->origin != PLAN_API) /* the others come from the configuration */
            continue;
        buf_put_u64(out, item->number);
        buf_put_str(out, str_of(item->resource));
        buf_put_str(out, str_of(item->name));
        buf_put_str(out, str_of(item->class_name));
        buf_put_i64(out, item->start_ns);
        buf_put_i64(out, item->end_ns);
        buf_put_double(out, item->requests);
        buf_put_u8(out, item->multiplier);
    }
}

static bool get_text(struct buf_reader *in, char *text, size_t size)
{
    struct str value = buf_get_str(in);
    if (in->failed || value.len >= size)
        return false;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    return true;
}

static bool get_plans(struct foresight *foresight, struct str bytes)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    if (buf_get_u8(&in) != VERSION)
        return false;
    foresight->plan_number = buf_get_u64(&in);
    while (!in.failed && in.at < in.len) {
        struct plan_item item = {.number = buf_get_u64(&in), .origin = PLAN_API};
        if (!get_text(&in, item.resource, sizeof item.resource) ||
            !get_text(&in, item.name, sizeof item.name) ||
            !get_text(&in, item.class_name, sizeof item.class_name))
            return false;
        item.start_ns = buf_get_i64(&in);
        item.end_ns = buf_get_i64(&in);
        item.requests = buf_get_double(&in);
        item.multiplier = buf_get_u8(&in) != 0;
        if (in.failed || item.end_ns <= item.start_ns || !(item.requests > 0) ||
            foresight_plan(foresight, &item, NULL) != FW_OK)
            return false;
    }
    return !in.failed;
}

static void put_anomalies(const struct foresight *foresight, struct buf *out)
{
    size_t count = foresight->anomaly_count < FORESIGHT_ANOMALIES_MAX
                       ? (size_t)foresight->anomaly_count
                       : FORESIGHT_ANOMALIES_MAX;
    buf_put_u8(out, VERSION);
    buf_put_u64(out, foresight->anomaly_number);
    for (size_t i = count; i > 0; i--) {
        const struct anomaly_record *record = foresight_anomaly(foresight, i - 1);
        const double numbers[] = {record->value, record->usual, record->multiplier,
                                  record->score, record->p,     record->probability};
        buf_put_u64(out, record->number);
        buf_put_str(out, str_of(record->resource));
        buf_put_str(out, str_of(record->class_name));
        buf_put_u8(out, (uint8_t)(record->open | record->planned << 1));
        buf_put_i64(out, record->began_ns);
        buf_put_i64(out, record->opened_ns);
        buf_put_i64(out, record->resolved_ns);
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++)
            buf_put_double(out, numbers[j]);
        buf_put_str(out, str_of(record->reason));
    }
}

static bool get_anomaly(struct buf_reader *in, struct anomaly_record *record)
{
    double *numbers[] = {&record->value, &record->usual, &record->multiplier,
                         &record->score, &record->p,     &record->probability};
    *record = (struct anomaly_record){.number = buf_get_u64(in)};
    if (!get_text(in, record->resource, sizeof record->resource) ||
        !get_text(in, record->class_name, sizeof record->class_name))
        return false;
    uint8_t flags = buf_get_u8(in);
    record->open = flags & 1;
    record->planned = flags & 2;
    record->began_ns = buf_get_i64(in);
    record->opened_ns = buf_get_i64(in);
    record->resolved_ns = buf_get_i64(in);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = buf_get_double(in);
    return get_text(in, record->reason, sizeof record->reason);
}

static bool get_anomalies(struct foresight *foresight, struct str bytes)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    if (buf_get_u8(&in) != VERSION)
        return false;
    foresight->anomaly_number = buf_get_u64(&in);
    while (!in.failed && in.at < in.len) {
        if (!get_anomaly(&in, foresight_anomaly_place(foresight, foresight->anomaly_count)))
            return false;
        foresight->anomaly_count++;
    }
    return !in.failed;
}

/* ---- loading ---- */

struct loading {
    struct foresight *foresight;
    int64_t now_ns, flushed_ns;
    uint32_t damaged;
};

/* "m/3/ID": the page, and the series of the ID. */
static bool take_page(struct loading *loading, int grain, struct str rest, struct str data)
{
    struct str number;
    uint64_t page;
    if (!str_cut(&rest, '/', &number) || !str_to_uint64(number, &page) || page >= COUNT_PAGES_MAX)
        return false;
    uint32_t series = rest.len == 0 ? FORESIGHT_TOTAL
                                    : foresight_series(loading->foresight, rest, loading->now_ns);
    if (series == FORESIGHT_NONE)
        return true; /* fewer are counted than before */
    return counts_get_page(&loading->foresight->series[series]->counts, (enum count_grain)grain,
                           (uint32_t)page, data, loading->now_ns);
}

static bool take_learned(struct loading *loading, struct str rest, struct str data)
{
    uint32_t series = rest.len == 0 ? FORESIGHT_TOTAL
                                    : foresight_series(loading->foresight, rest, loading->now_ns);
    return series == FORESIGHT_NONE ||
           foresight_get_learned(loading->foresight->series[series], data);
}

static void take_part(void *context, const char *name, struct str data)
{
    struct loading *loading = context;
    struct str rest = str_of(name), kind;
    bool good = str_cut(&rest, '/', &kind) && kind.len == 1;
    struct buf_reader in = {.data = (const uint8_t *)data.data, .len = data.len};
    switch (good ? kind.data[0] : 0) {
    case 'm':
    case 't':
    case 'h':
        good = take_page(loading,
                         kind.data[0] == 'm'   ? COUNT_MINUTE
                         : kind.data[0] == 't' ? COUNT_TEN
                                               : COUNT_HOUR,
                         rest, data);
        break;
    case 'l':
        good = take_learned(loading, rest, data);
        break;
    case 'p':
        good = get_plans(loading->foresight, data);
        break;
    case 'a':
        good = get_anomalies(loading->foresight, data);
        break;
    case 'c':
        loading->flushed_ns = buf_get_i64(&in);
        good = !in.failed && loading->flushed_ns >= 0;
        break;
    default:
        good = false;
    }
    loading->damaged += !good;
}

enum fw_err foresight_load(struct foresight *foresight, struct store *store, int64_t now_ns,
                           struct fw_detail *detail)
{
    struct loading loading = {.foresight = foresight, .now_ns = now_ns};
    FW_TRY(store->ops->get_parts(store, FORESIGHT_KIND, take_part, &loading, detail));
    if (loading.damaged > 0)
        log_warn("some of the demand that was kept cannot be read and is left out",
                 LOG_INT("parts", loading.damaged));
    for (uint32_t i = 0; i < foresight->series_count; i++) {
        counts_begin(&foresight->series[i]->counts, loading.flushed_ns, now_ns);
        foresight->series[i]->due_ns[WORK_TRAIN] =
            foresight->series[i]->model.trained_ns > 0
                ? time_add(foresight->series[i]->model.trained_ns, FORESIGHT_TRAIN_NS)
                : 0;
    }
    foresight->now_ns = foresight->flushed_ns = now_ns;
    foresight->loaded = true;
    return FW_OK;
}

/* ---- saving ---- */

struct saving {
    struct foresight_parts *parts;
    size_t capacity;
    struct spot { /* of a part: names and bytes move while they grow */
        size_t name, begin, end;
    } * spots;
};

static bool begin_part(struct saving *saving, char kind, const char *number, const char *id)
{
    struct foresight_parts *parts = saving->parts;
    if (!saving->spots || parts->count == saving->capacity) {
        size_t capacity = saving->capacity > 0 ? 2 * saving->capacity : 64;
        struct spot *more = realloc(saving->spots, capacity * sizeof *more);
        if (!more)
            return false;
        saving->spots = more;
        saving->capacity = capacity;
    }
    struct spot *spot = &saving->spots[parts->count++];
    spot->name = parts->bytes.len;
    buf_add_char(&parts->bytes, kind);
    buf_add_char(&parts->bytes, '/');
    if (number[0]) {
        buf_add_text(&parts->bytes, number);
        buf_add_char(&parts->bytes, '/');
    }
    buf_add_text(&parts->bytes, id);
    buf_put_u8(&parts->bytes, 0);
    spot->begin = parts->bytes.len;
    return true;
}

static void end_part(struct saving *saving)
{
    saving->spots[saving->parts->count - 1].end = saving->parts->bytes.len;
}

static bool save_series(struct saving *saving, struct foresight_series *series)
{
    char number[STR_NUMBER_MAX];
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++)
        for (uint32_t page = 0; page < count_grains[g].slots / count_grains[g].page; page++) {
            if (!(series->counts.changed[g] >> page & 1))
                continue;
            (void)snprintf(number, sizeof number, "%u", page);
            if (!begin_part(saving, page_letters[g], number, series->id))
                return false;
            counts_put_page(&series->counts, (enum count_grain)g, page, &saving->parts->bytes);
            end_part(saving);
        }
    if (!series->learned)
        return true;
    if (!begin_part(saving, 'l', "", series->id))
        return false;
    put_learned(series, &saving->parts->bytes);
    series->learned = false;
    end_part(saving);
    return true;
}

static bool save_rest(struct saving *saving, struct foresight *foresight, int64_t now_ns)
{
    struct buf *bytes = &saving->parts->bytes;
    if (foresight->plans_changed) {
        if (!begin_part(saving, 'p', "", ""))
            return false;
        put_plans(foresight, bytes);
        end_part(saving);
    }
    if (foresight->anomalies_changed) {
        if (!begin_part(saving, 'a', "", ""))
            return false;
        put_anomalies(foresight, bytes);
        end_part(saving);
    }
    if (!begin_part(saving, 'c', "", ""))
        return false;
    buf_put_i64(bytes, now_ns);
    end_part(saving);
    return true;
}

/* Names and bytes stay where they are from now on. */
static bool point_at(struct foresight_parts *made, const struct spot *spots)
{
    const char *data = made->bytes.data;
    made->parts = calloc(made->count + 1, sizeof *made->parts);
    for (size_t i = 0; made->parts && i < made->count; i++)
        made->parts[i] = (struct store_part){
            data + spots[i].name, {data + spots[i].begin, spots[i].end - spots[i].begin}};
    return made->parts != NULL;
}

struct foresight_parts *foresight_changed(struct foresight *foresight, int64_t now_ns)
{
    struct foresight_parts *made = calloc(1, sizeof *made);
    struct saving saving = {.parts = made};
    bool good = made && foresight->loaded;
    if (made)
        buf_init(&made->bytes, PARTS_BYTES_MAX);
    for (uint32_t i = 0; good && i < foresight->series_count; i++)
        good = save_series(&saving, foresight->series[i]);
    good = good && save_rest(&saving, foresight, now_ns) && !made->bytes.failed &&
           point_at(made, saving.spots);
    free(saving.spots);
    if (!good) {
        foresight_parts_free(&made);
        foresight_not_kept(foresight);
        return NULL;
    }
    foresight->plans_changed = foresight->anomalies_changed = false;
    foresight->flushed_ns = now_ns;
    return made;
}

void foresight_parts_free(struct foresight_parts **parts)
{
    if (!*parts)
        return;
    free((*parts)->parts);
    buf_fini(&(*parts)->bytes);
    free(*parts);
    *parts = NULL;
}

void foresight_not_kept(struct foresight *foresight)
{
    for (uint32_t i = 0; i < foresight->series_count; i++) {
        foresight->series[i]->learned = true;
        for (int g = 0; g < COUNT_GRAIN_COUNT; g++)
            foresight->series[i]->counts.changed[g] =
                UINT32_MAX >> (32 - count_grains[g].slots / count_grains[g].page);
    }
    foresight->plans_changed = foresight->anomalies_changed = true;
}
