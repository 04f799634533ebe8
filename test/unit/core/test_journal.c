/* SPDX-License-Identifier: MIT
 * The journal's format: what is written reads back, byte by byte fed too; damage, truncation,
 * foreign and newer files are told apart. */
#include "core/journal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct resource_settings RESOURCE = {
    .memory = 5u << 20,
    .on_cold = ON_COLD_FALLBACK,
    .hold_timeout_ns = -1,
    .load_time_ns = 7,
    .priority = -3,
    .pin = true,
    .has_fallback = true,
    .level_count = 2,
    .levels = {{.host_memory = 9, .idle_price = 0.5, .load_time_ns = 3, .from_cold = true},
               {.memory = 1, .load_time_ns = RESOURCE_INHERITS, .from_warm = true}},
};
static const struct event EVENTS[] = {
    {.at_ns = 1000, .kind = EVENT_RESOURCE, .id = {"qwen", 4}, .settings = &RESOURCE},
    {.at_ns = 2000, .kind = EVENT_TIME},
    {.at_ns = 2000,
     .kind = EVENT_REQUEST,
     .resource = 1,
     .request = UINT64_C(1) << 56 | 9,
     .session = UINT64_MAX,
     .flags = EVENT_SERVED},
    {.at_ns = 3000,
     .kind = EVENT_HINT,
     .resource = 1,
     .eta_ns = -1,
     .probability = 0.25,
     .source = 3},
    {.at_ns = INT64_MAX,
     .kind = EVENT_PROVEN,
     .attempt = 77,
     .duration_ns = 123456789,
     .value = UINT64_MAX,
     .status = 4},
};
enum { EVENT_COUNT = sizeof EVENTS / sizeof *EVENTS };

static void write_all(struct buf *out)
{
    uint64_t number = 0;
    struct engine_settings settings;
    option_defaults(engine_option_rows, engine_option_count, &settings);
    settings.wait_price = 1.0 / 3.0;
    settings.seed = 42;
    buf_init(out, 1 << 20);
    journal_put_header(out);
    journal_put_settings(out, &number, JOURNAL_BEGIN, &settings);
    journal_put_snapshot(out, &number, STR("snap\0shot"));
    for (int i = 0; i < EVENT_COUNT; i++)
        journal_put_event(out, &number, &EVENTS[i]);
    settings.seed = 43;
    journal_put_settings(out, &number, JOURNAL_SETTINGS, &settings);
    journal_put_mark(out, &number, JOURNAL_MARK, &(struct journal_mark){1, 2, 3});
    journal_put_mark(out, &number, JOURNAL_END, &(struct journal_mark){4, 5, UINT64_MAX});
    assert_false(out->failed);
    assert_int_equal(number, EVENT_COUNT + 5);
}

static void assert_event_equal(const struct event *a, const struct event *b)
{
    assert_int_equal(a->at_ns, b->at_ns);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->resource, b->resource);
    assert_int_equal(a->request, b->request);
    assert_int_equal(a->session, b->session);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->duration_ns, b->duration_ns);
    assert_int_equal(a->eta_ns, b->eta_ns);
    assert_int_equal(a->value, b->value);
    assert_true(a->probability <= b->probability && a->probability >= b->probability);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->flags, b->flags);
    assert_true(str_equal(a->id, b->id));
    assert_true(!a->settings == !b->settings);
    if (a->settings) {
        assert_int_equal(a->settings->memory, b->settings->memory);
        assert_int_equal(a->settings->on_cold, b->settings->on_cold);
        assert_int_equal(a->settings->hold_timeout_ns, b->settings->hold_timeout_ns);
        assert_int_equal(a->settings->load_time_ns, b->settings->load_time_ns);
        assert_int_equal(a->settings->priority, b->settings->priority);
        assert_int_equal(a->settings->pin, b->settings->pin);
        assert_int_equal(a->settings->has_fallback, b->settings->has_fallback);
        assert_int_equal(a->settings->level_count, b->settings->level_count);
        assert_memory_equal(a->settings->levels, b->settings->levels, sizeof a->settings->levels);
    }
}

static void check_record(const struct journal_record *record, uint64_t number)
{
    static const uint32_t kinds[] = {
        JOURNAL_BEGIN, JOURNAL_SNAPSHOT, JOURNAL_EVENT,    JOURNAL_EVENT, JOURNAL_EVENT,
        JOURNAL_EVENT, JOURNAL_EVENT,    JOURNAL_SETTINGS, JOURNAL_MARK,  JOURNAL_END};
    assert_int_equal(record->number, number);
    assert_int_equal(record->kind, kinds[number - 1]);
    switch (record->kind) {
    case JOURNAL_BEGIN:
        assert_true(record->settings.wait_price >= 1.0 / 3.0 &&
                    record->settings.wait_price <= 1.0 / 3.0);
        assert_int_equal(record->settings.seed, 42);
        break;
    case JOURNAL_SETTINGS:
        assert_int_equal(record->settings.seed, 43);
        break;
    case JOURNAL_SNAPSHOT:
        assert_true(str_equal(record->snapshot, STR("snap\0shot")));
        break;
    case JOURNAL_EVENT:
        assert_event_equal(&record->event, &EVENTS[number - 3]);
        break;
    case JOURNAL_MARK:
        assert_int_equal(record->mark.actions, 2);
        break;
    default:
        assert_int_equal(record->mark.hash, 4);
        assert_int_equal(record->mark.events, UINT64_MAX);
    }
}

static void reads_back_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct buf out;
    write_all(&out);
    for (size_t piece = 1; piece < out.len + 7; piece += piece < 70 ? 1 : 97) {
        struct journal_reader reader = {0};
        struct fw_detail detail = {{0}};
        size_t have = 0, from = 0, used;
        while (from < out.len) {
            static struct journal_record record;
            enum fw_err err =
                journal_read(&reader, out.data + from, have - from, &record, &used, &detail);
            if (err == FW_NO) {
                assert_true(have < out.len);
                assert_int_equal(used, 0);
                have = have + piece < out.len ? have + piece : out.len;
                continue;
            }
            assert_int_equal(err, FW_OK);
            check_record(&record, reader.number);
            from += used;
            assert_int_equal(reader.offset, from);
        }
        assert_int_equal(reader.number, EVENT_COUNT + 5);
    }
    buf_fini(&out);
}

/* After kill -9 the file may end anywhere: what is whole is read, and nothing is called damaged. */
static void torn_tail_is_not_damage(void **state)
{
    (void)state;
    struct buf out;
    write_all(&out);
    static struct journal_record record;
    for (size_t len = 0; len < out.len; len++) {
        struct journal_reader reader = {0};
        struct fw_detail detail = {{0}};
        size_t from = 0, used;
        enum fw_err err;
        while ((err = journal_read(&reader, out.data + from, len - from, &record, &used,
                                   &detail)) == FW_OK)
            from += used;
        assert_int_equal(err, FW_NO);
        assert_true(reader.number < EVENT_COUNT + 5);
        assert_int_equal(detail.text[0], 0);
    }
    buf_fini(&out);
}

/* Every changed byte is noticed: as damage, as a foreign or newer file, or as a record that never
 * becomes whole. */
static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct buf out;
    write_all(&out);
    static struct journal_record record;
    for (size_t at = 0; at < out.len; at++) {
        if (at >= 12 && at < 16) /* reserved */
            continue;
        out.data[at] = (char)(out.data[at] ^ 0x10);
        struct journal_reader reader = {0};
        struct fw_detail detail = {{0}};
        size_t from = 0, used;
        enum fw_err err;
        while ((err = journal_read(&reader, out.data + from, out.len - from, &record, &used,
                                   &detail)) == FW_OK)
            from += used;
        assert_true(from <= at);
        assert_int_equal(used, 0);
        if (err != FW_NO)
            assert_non_null(strstr(detail.text, "byte "));
        out.data[at] = (char)(out.data[at] ^ 0x10);
    }
    buf_fini(&out);
}

static void foreign_and_newer_files_are_refused(void **state)
{
    (void)state;
    static struct journal_record record;
    struct journal_reader reader = {0};
    struct fw_detail detail;
    size_t used;
    assert_int_equal(journal_read(&reader, "SQL", 3, &record, &used, &detail), FW_FOREIGN);
    assert_string_equal(detail.text, "byte 0: this is not a forewarm journal");
    struct buf out;
    write_all(&out);
    out.data[8] = 2;
    assert_int_equal(journal_read(&reader, out.data, out.len, &record, &used, &detail), FW_VERSION);
    assert_string_equal(detail.text, "byte 8: journal version 2, expected 1");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_in_pieces_of_any_size),
        cmocka_unit_test(torn_tail_is_not_damage),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(foreign_and_newer_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
