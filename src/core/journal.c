/* SPDX-License-Identifier: MIT */
#include "core/journal.h"
#include "base/check.h"
#include "core/engine.h"
#include <string.h>

static const char MAGIC[8] = {'F', 'W', 'J', 'R', 'N', 'L', '\r', '\n'};

const char *journal_kind_name(uint32_t kind)
{
    static const char *const names[] = {"none",
#define X(kind, name, sentence) name,
                                        JOURNAL_KINDS(X)
#undef X
    };
    return kind < JOURNAL_KIND_COUNT ? names[kind] : "unknown";
}

/* The checksum binds a payload to its kind and its place. */
static uint32_t checksum(uint32_t kind, uint64_t number, const void *payload, size_t len)
{
    uint64_t hash = str_hash(payload, len, number * 0x9e3779b97f4a7c15u + kind);
    return (uint32_t)(hash ^ (hash >> 32));
}

/* ---- writing ---- */

static size_t record_begin(struct buf *out, enum journal_kind kind)
{
    buf_put_u8(out, (uint8_t)kind);
    buf_put_u32(out, 0);
    return out->len;
}

static void record_end(struct buf *out, uint64_t *number, enum journal_kind kind, size_t from)
{
    if (out->failed)
        return;
    size_t len = out->len - from;
    CHECK(len <= JOURNAL_PAYLOAD_MAX);
    for (int i = 0; i < 4; i++)
        out->data[from - 4 + (size_t)i] = (char)(uint8_t)(len >> (8 * i));
    *number += 1;
    buf_put_u32(out, checksum(kind, *number, out->data + from, len));
}

void journal_put_header(struct buf *out)
{
    buf_add(out, MAGIC, sizeof MAGIC);
    buf_put_u32(out, JOURNAL_VERSION);
    buf_put_u32(out, 0);
}

/* Settings go by name and text, so that a journal outlives a change of the struct. */
void journal_put_settings(struct buf *out, uint64_t *number, enum journal_kind kind,
                          const struct engine_settings *settings)
{
    size_t from = record_begin(out, kind);
    struct buf value;
    buf_init(&value, OPTION_TEXT_MAX);
    buf_put_u32(out, (uint32_t)engine_option_count);
    for (size_t i = 0; i < engine_option_count; i++) {
        buf_clear(&value);
        option_get(&engine_option_rows[i], settings, &value);
        if (value.failed)
            out->failed = true;
        buf_put_str(out, str_of(engine_option_rows[i].name));
        buf_put_str(out, buf_str(&value));
    }
    buf_fini(&value);
    record_end(out, number, kind, from);
}

void journal_put_snapshot(struct buf *out, uint64_t *number, struct str snapshot)
{
    size_t from = record_begin(out, JOURNAL_SNAPSHOT);
    buf_add_str(out, snapshot);
    record_end(out, number, JOURNAL_SNAPSHOT, from);
}

/* The fields of an event that most events leave at 0; a bit each, in this order. X(field, put) */
#define EVENT_FIELDS(X)                                                                            \
    X(resource, u32)                                                                               \
    X(request, u64)                                                                                \
    X(session, u64)                                                                                \
    X(attempt, u64)                                                                                \
    X(duration_ns, i64)                                                                            \
    X(eta_ns, i64)                                                                                 \
    X(value, u64)                                                                                  \
    X(probability, double)                                                                         \
    X(source, u32)                                                                                 \
    X(status, u32)                                                                                 \
    X(flags, u32)                                                                                  \
    X(devices, u32)

enum {
#define X(field, put) HAS_##field,
    EVENT_FIELDS(X)
#undef X
        HAS_COUNT
};
_Static_assert(HAS_COUNT <= 16, "the mask has 16 bits");
/* A new member of the settings must be written and read below. */
_Static_assert(sizeof(struct level_settings) == 40 && sizeof(struct resource_settings) == 208,
               "resource_settings changed: change its encoding");

/* Most have no server in common and no budget of their own. */
static bool is_held_back(const struct resource_settings *settings)
{
    const struct budget_settings *budget = &settings->budget;
    return settings->server > 0 || budget->warmups > 0 || budget->loading_ns > 0 || budget->usd > 0;
}

static void put_resource(struct buf *out, const struct event *event)
{
    const struct resource_settings *settings = event->settings;
    buf_put_str(out, event->id);
    buf_put_u64(out, settings->memory);
    buf_put_u32(out, (uint32_t)settings->on_cold);
    buf_put_i64(out, settings->hold_timeout_ns);
    buf_put_i64(out, settings->load_time_ns);
    buf_put_i64(out, settings->priority);
    buf_put_i64(out, settings->span);
    buf_put_u32(out, settings->devices);
    buf_put_u8(out, settings->pin);
    bool held_back = is_held_back(settings);
    buf_put_u8(out, (uint8_t)(settings->has_fallback | held_back << 1));
    if (held_back) {
        buf_put_u32(out, settings->server);
        buf_put_i64(out, settings->budget.warmups);
        buf_put_i64(out, settings->budget.loading_ns);
        buf_put_double(out, settings->budget.usd);
    }
    for (uint32_t i = 0; i < settings->level_count; i++) { /* up to the record's end */
        const struct level_settings *level = &settings->levels[i];
        buf_put_u64(out, level->memory);
        buf_put_u64(out, level->host_memory);
        buf_put_double(out, level->idle_price);
        buf_put_i64(out, level->load_time_ns);
        buf_put_u8(out, (uint8_t)(level->from_cold | level->from_warm << 1));
    }
}

void journal_put_event(struct buf *out, uint64_t *number, const struct event *event)
{
    CHECK(event->kind < EVENT_KIND_COUNT);
    uint32_t mask = 0;
#define X(field, put)                                                                              \
    if (event->field != 0)                                                                         \
        mask |= 1u << HAS_##field;
    EVENT_FIELDS(X)
#undef X
    size_t from = record_begin(out, JOURNAL_EVENT);
    buf_put_u8(out, (uint8_t)event->kind);
    buf_put_u8(out, (uint8_t)mask);
    buf_put_u8(out, (uint8_t)(mask >> 8));
    buf_put_i64(out, event->at_ns);
#define X(field, put)                                                                              \
    if (mask & 1u << HAS_##field)                                                                  \
        buf_put_##put(out, event->field);
    EVENT_FIELDS(X)
#undef X
    if (event->kind == EVENT_RESOURCE)
        put_resource(out, event);
    record_end(out, number, JOURNAL_EVENT, from);
}

void journal_put_mark(struct buf *out, uint64_t *number, enum journal_kind kind,
                      const struct journal_mark *mark)
{
    CHECK(kind == JOURNAL_MARK || kind == JOURNAL_END);
    size_t from = record_begin(out, kind);
    buf_put_u64(out, mark->hash);
    buf_put_u64(out, mark->actions);
    buf_put_u64(out, mark->events);
    record_end(out, number, kind, from);
}

/* ---- reading ---- */

static enum fw_err get_settings(struct buf_reader *in, struct engine_settings *settings,
                                struct fw_detail *detail)
{
    option_defaults(engine_option_rows, engine_option_count, settings);
    uint32_t count = buf_get_u32(in);
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        struct str name = buf_get_str(in), value = buf_get_str(in);
        if (in->failed)
            break;
        const struct option_row *row = option_find(engine_option_rows, engine_option_count, name);
        if (!row)
            return err_set(detail, FW_VERSION,
                           "the setting \"%.*s\" is unknown here: a newer forewarm wrote it",
                           STR_ARG(name));
        FW_TRY(option_set(row, settings, value, detail));
    }
    return FW_OK;
}

static void get_restraint(struct buf_reader *in, struct resource_settings *settings)
{
    settings->server = buf_get_u32(in);
    settings->budget.warmups = buf_get_i64(in);
    settings->budget.loading_ns = buf_get_i64(in);
    settings->budget.usd = buf_get_double(in);
    if (settings->budget.warmups < 0 || settings->budget.loading_ns < 0 ||
        !(settings->budget.usd >= 0 && settings->budget.usd <= 1e9))
        in->failed = true;
}

static void get_resource(struct buf_reader *in, struct journal_record *record)
{
    struct resource_settings *settings = &record->resource;
    record->event.id = buf_get_str(in);
    settings->memory = buf_get_u64(in);
    settings->on_cold = (int)buf_get_u32(in);
    settings->hold_timeout_ns = buf_get_i64(in);
    settings->load_time_ns = buf_get_i64(in);
    settings->priority = buf_get_i64(in);
    settings->span = buf_get_i64(in);
    settings->devices = buf_get_u32(in);
    uint8_t pin = buf_get_u8(in), has_fallback = buf_get_u8(in);
    settings->pin = pin != 0;
    settings->has_fallback = (has_fallback & 1) != 0;
    if (has_fallback & 2)
        get_restraint(in, settings);
    record->event.settings = settings;
    while (!in->failed && in->at < in->len && settings->level_count < LEVELS_MAX) {
        struct level_settings *level = &settings->levels[settings->level_count++];
        level->memory = buf_get_u64(in);
        level->host_memory = buf_get_u64(in);
        level->idle_price = buf_get_double(in);
        level->load_time_ns = buf_get_i64(in);
        uint8_t from = buf_get_u8(in);
        level->from_cold = (from & 1) != 0;
        level->from_warm = (from & 2) != 0;
        if (from > 3 || !(level->idle_price >= 0 && level->idle_price <= 1e6))
            in->failed = true;
    }
    if (record->event.id.len == 0 || record->event.id.len > JOURNAL_ID_MAX || pin > 1 ||
        has_fallback > 3 || settings->on_cold < ON_COLD_HOLD || settings->on_cold > ON_COLD_SOONEST)
        in->failed = true;
}

static void get_event(struct buf_reader *in, struct journal_record *record)
{
    struct event *event = &record->event;
    event->kind = buf_get_u8(in);
    uint32_t mask = buf_get_u8(in);
    mask |= (uint32_t)buf_get_u8(in) << 8;
    event->at_ns = buf_get_i64(in);
#define X(field, put)                                                                              \
    if (mask & 1u << HAS_##field)                                                                  \
        event->field = buf_get_##put(in);
    EVENT_FIELDS(X)
#undef X
    if (event->kind >= EVENT_KIND_COUNT || mask >> HAS_COUNT != 0 || event->at_ns < 0)
        in->failed = true;
    else if (event->kind == EVENT_RESOURCE)
        get_resource(in, record);
}

static enum fw_err get_payload(struct buf_reader *in, struct journal_record *record,
                               struct fw_detail *detail)
{
    switch (record->kind) {
    case JOURNAL_BEGIN:
    case JOURNAL_SETTINGS:
        FW_TRY(get_settings(in, &record->settings, detail));
        break;
    case JOURNAL_SNAPSHOT:
        record->snapshot = (struct str){(const char *)in->data, in->len};
        in->at = in->len;
        break;
    case JOURNAL_EVENT:
        get_event(in, record);
        break;
    case JOURNAL_MARK:
    case JOURNAL_END:
        record->mark.hash = buf_get_u64(in);
        record->mark.actions = buf_get_u64(in);
        record->mark.events = buf_get_u64(in);
        break;
    default:
        return err_set(detail, FW_VERSION, "a record of kind %u: a newer forewarm wrote it",
                       record->kind);
    }
    if (in->failed || in->at != in->len)
        return err_set(detail, FW_CORRUPT, "a %s record that cannot be",
                       journal_kind_name(record->kind));
    return FW_OK;
}

static enum fw_err read_header(struct buf_reader *in, struct fw_detail *detail)
{
    size_t have = in->len < sizeof MAGIC ? in->len : sizeof MAGIC;
    if (have > 0 && memcmp(in->data, MAGIC, have) != 0)
        return err_set(detail, FW_FOREIGN, "byte 0: this is not a forewarm journal");
    if (in->len < JOURNAL_HEADER_LEN)
        return FW_NO;
    in->at = sizeof MAGIC;
    uint32_t version = buf_get_u32(in);
    (void)buf_get_u32(in);
    if (version != JOURNAL_VERSION)
        return err_set(detail, version > JOURNAL_VERSION ? FW_VERSION : FW_CORRUPT,
                       "byte 8: journal version %u, expected %d", version, JOURNAL_VERSION);
    return FW_OK;
}

/* Says where in the file, in front of what. */
static enum fw_err fail_at(struct fw_detail *detail, enum fw_err err, uint64_t offset,
                           const struct fw_detail *what)
{
    return err_set(detail, err, "byte %llu: %.400s", (unsigned long long)offset, what->text);
}

static enum fw_err read_record(struct journal_reader *reader, struct buf_reader *in,
                               struct journal_record *record, struct fw_detail *what)
{
    if (in->len - in->at < JOURNAL_RECORD_OVERHEAD)
        return FW_NO;
    record->kind = buf_get_u8(in);
    uint32_t len = buf_get_u32(in);
    if (len > JOURNAL_PAYLOAD_MAX)
        return err_set(what, FW_CORRUPT, "a record of %u bytes, at most %d can be", len,
                       JOURNAL_PAYLOAD_MAX);
    if (in->len - in->at < (size_t)len + 4)
        return FW_NO;
    struct buf_reader payload = {.data = in->data + in->at, .len = len};
    in->at += len;
    record->number = reader->number + 1;
    if (buf_get_u32(in) != checksum(record->kind, record->number, payload.data, len))
        return err_set(what, FW_CORRUPT, "the checksum of record %llu does not match",
                       (unsigned long long)record->number);
    return get_payload(&payload, record, what);
}

enum fw_err journal_read(struct journal_reader *reader, const void *data, size_t len,
                         struct journal_record *record, size_t *used, struct fw_detail *detail)
{
    struct buf_reader in = {.data = data, .len = len};
    *used = 0;
    memset(record, 0, sizeof *record);
    if (!reader->header_read) {
        enum fw_err err = read_header(&in, detail);
        if (err != FW_OK)
            return err;
    }
    uint64_t offset = reader->offset + in.at;
    struct fw_detail what = {{0}};
    enum fw_err err = read_record(reader, &in, record, &what);
    if (err == FW_NO)
        return FW_NO;
    if (err != FW_OK)
        return fail_at(detail, err, offset, &what);
    reader->header_read = true;
    reader->number = record->number;
    reader->offset += in.at;
    *used = in.at;
    return FW_OK;
}
