/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "learn/sequence_code.h"
#include <string.h>

enum { GUESSES = 20, EVENTS = 3000, USERS = 4, LONG = 30 };

static uint32_t draw(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*x >> 33);
}

/* Sessions of some users that take turns; the caller's side of a learner. */
struct life {
    uint64_t x;
    uint32_t items[USERS][LONG], lens[USERS];
};

/* Lives on for `count` events; returns a hash of all that was told. */
static uint64_t live(struct sequence *sequence, struct life *life, int count)
{
    struct sequence_guess guesses[GUESSES];
    uint64_t hash = 1;
    for (int i = 0; i < count; i++) {
        uint32_t who = draw(&life->x) % USERS, *items = life->items[who], len = life->lens[who];
        uint32_t next = len > 1 && draw(&life->x) % 4 ? (items[len - 1] * 5 + items[len - 2]) % 53
                                                      : draw(&life->x) % 400;
        uint32_t told = sequence_predict(sequence, items, len, guesses, GUESSES);
        for (uint32_t j = 0; j < told; j++) {
            uint64_t bits;
            memcpy(&bits, &guesses[j].probability, sizeof bits);
            hash = (hash ^ bits ^ guesses[j].item) * UINT64_C(0x100000001b3);
        }
        sequence_adapt(sequence, &next, 1);
        sequence_learn(sequence, items, len, next);
        items[life->lens[who]++] = next;
        if (life->lens[who] < LONG && draw(&life->x) % 15)
            continue;
        sequence_end(sequence, items, life->lens[who]);
        life->lens[who] = 0;
    }
    return hash;
}

static struct sequence *create(uint32_t max_contexts, uint32_t max_entries)
{
    struct sequence *sequence;
    struct sequence_settings settings = sequence_defaults;
    settings.max_contexts = max_contexts;
    settings.max_entries = max_entries;
    settings.max_events = 1 << 12;
    assert_int_equal(sequence_create(&sequence, &settings), FW_OK);
    return sequence;
}

static struct sequence *read_back(const struct buf *data, enum fw_err expected)
{
    struct sequence *sequence;
    struct buf_reader reader = {.data = (const uint8_t *)data->data, .len = data->len};
    assert_int_equal(sequence_read(&sequence, &reader), expected);
    return sequence;
}

/* run(a, b) tells the same as run(a), write, read, run(b): roomy, and where all tables overflow. */
static void goes_on_after_reading(void **state)
{
    (void)state;
    for (int tight = 0; tight < 2; tight++)
        for (int events = 0; events <= 2 * EVENTS; events += EVENTS) {
            struct sequence *on = create(tight ? 256 : 1 << 14, tight ? 1024 : 1 << 16);
            struct life life = {.x = 5};
            (void)live(on, &life, events);
            struct buf data;
            buf_init(&data, 1 << 24);
            sequence_write(on, &data);
            assert_false(data.failed);
            struct sequence *back = read_back(&data, FW_OK);
            struct life copy = life;
            assert_int_equal(sequence_bytes(back), sequence_bytes(on));
            assert_true(live(on, &life, EVENTS) == live(back, &copy, EVENTS));
            sequence_free(&on);
            sequence_free(&back);
            buf_fini(&data);
        }
}

/* Cut short it is refused; with a byte altered it is refused or harmless. */
static void damage_is_not_followed(void **state)
{
    (void)state;
    struct sequence *sequence = create(128, 512);
    struct life life = {.x = 3};
    uint64_t x = 1;
    (void)live(sequence, &life, 600);
    struct buf data;
    buf_init(&data, 1 << 24);
    sequence_write(sequence, &data);
    sequence_free(&sequence);
    size_t len = data.len;
    for (int i = 0; i < 60; i++) {
        data.len = draw(&x) % len;
        assert_null(read_back(&data, FW_INPUT));
    }
    data.len = len;
    for (int i = 0; i < 400; i++) {
        size_t at = draw(&x) % len;
        char before = data.data[at];
        data.data[at] = (char)draw(&x);
        struct buf_reader reader = {.data = (const uint8_t *)data.data, .len = data.len};
        struct life on = life;
        if (sequence_read(&sequence, &reader) == FW_OK)
            (void)live(sequence, &on, 60);
        sequence_free(&sequence);
        data.data[at] = before;
    }
    buf_fini(&data);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    struct sequence *sequence = create(128, 512);
    struct buf data;
    buf_init(&data, 1 << 24);
    sequence_write(sequence, &data);
    data.data[0]++;
    assert_null(read_back(&data, FW_INPUT));
    sequence_free(&sequence);
    buf_fini(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_reading),
        cmocka_unit_test(damage_is_not_followed),
        cmocka_unit_test(another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
