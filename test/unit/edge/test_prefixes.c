/* SPDX-License-Identifier: MIT
 * Prompts that are kept for prefilling: bounded, forgotten when they are old, each prefill with one
 * result whatever comes between, and written for the server so that it answers nothing (P9). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "edge/prefill.h"
#include <stdio.h>
#include <string.h>

#define PATH STR("/v1/chat/completions")

static void drop(struct prefix_work *work)
{
    buf_fini(&work->body);
}

static void assert_adds_up(struct prefixes *prefixes)
{
    struct prefix_counts counts;
    uint64_t sum = 0;
    prefixes_count(prefixes, &counts);
    for (int i = 0; i < PREFIX_RESULT_COUNT; i++)
        sum += counts.results[i];
    assert_int_equal(counts.issued, sum + counts.open);
}

static struct prefix_counts counts_of(struct prefixes *prefixes)
{
    struct prefix_counts counts;
    assert_adds_up(prefixes);
    prefixes_count(prefixes, &counts);
    return counts;
}

static struct prefixes *made(uint64_t bytes)
{
    struct prefixes *prefixes;
    assert_int_equal(prefixes_create(&prefixes), FW_OK);
    prefixes_limit(prefixes, bytes);
    return prefixes;
}

static void serve(struct prefixes *prefixes, uint64_t session, const char *prompt, int64_t at_s)
{
    prefixes_request(prefixes, session);
    prefixes_served(prefixes, session, PATH, str_of(prompt), at_s * TIME_SECOND);
}

static bool is_cached(struct prefixes *prefixes, uint64_t session)
{
    struct prefix_view views[PREFIX_SESSIONS];
    uint32_t slots, count = prefixes_list(prefixes, 0, views, &slots);
    for (uint32_t i = 0; i < count; i++)
        if (views[i].session == session)
            return views[i].cached;
    fail_msg("session %d is not kept", (int)session);
    return false;
}

static void prefill(struct prefixes *prefixes, uint64_t session, const char *prompt)
{
    struct prefix_work work = {.drop = drop};
    assert_true(prefixes_begin(prefixes, session, &work));
    assert_int_equal(work.session, session);
    assert_string_equal(work.path, "/v1/chat/completions");
    assert_true(str_equal(buf_str(&work.body), str_of(prompt)));
    prefixes_end(prefixes, session, PREFIX_USED, TIME_SECOND, 1);
    drop(&work);
}

static void one_slot_has_the_latest_session(void **state)
{
    (void)state;
    struct prefixes *prefixes = made(1 << 20);
    struct prefix_work work = {.drop = drop};
    serve(prefixes, 1, "one", 1);
    serve(prefixes, 1, "one, two", 2);
    assert_true(is_cached(prefixes, 1));
    assert_false(prefixes_begin(prefixes, 1, &work)); /* the server has it */
    serve(prefixes, 2, "other", 3);
    assert_false(is_cached(prefixes, 1));
    prefill(prefixes, 1, "one, two");
    assert_true(is_cached(prefixes, 1));
    assert_false(is_cached(prefixes, 2));
    serve(prefixes, 1, "one, two, three", 4);
    assert_int_equal(counts_of(prefixes).results[PREFIX_USED], 1);
    assert_int_equal(counts_of(prefixes).spent_ns, TIME_SECOND);
    /* Somebody without a name takes the slot; what was prefilled for it is wasted. */
    prefill(prefixes, 2, "other");
    serve(prefixes, 0, "anybody", 5);
    assert_false(is_cached(prefixes, 2));
    assert_int_equal(counts_of(prefixes).results[PREFIX_UNUSED], 1);
    assert_int_equal(counts_of(prefixes).sessions, 2);
    prefixes_destroy(&prefixes);
}

static void a_request_cancels(void **state)
{
    (void)state;
    struct prefixes *prefixes = made(1 << 20);
    struct prefix_work work = {.drop = drop}, second = {.drop = drop};
    serve(prefixes, 1, "one", 1);
    serve(prefixes, 2, "other", 2);
    assert_true(prefixes_begin(prefixes, 1, &work));
    assert_false(prefixes_begin(prefixes, 1, &second)); /* one at a time */
    assert_false(atomic_load(prefixes_cancelled(prefixes)));
    prefixes_request(prefixes, 3);
    assert_true(atomic_load(prefixes_cancelled(prefixes)));
    prefixes_end(prefixes, 1, PREFIX_USED, 1, 4); /* its answer came at the same moment */
    assert_int_equal(counts_of(prefixes).results[PREFIX_CANCELLED], 1);
    drop(&work);
    prefixes_destroy(&prefixes);
}

static void what_is_lost_is_read_again_a_few_times(void **state)
{
    (void)state;
    struct prefixes *prefixes = made(1 << 20);
    struct prefix_view views[PREFIX_SESSIONS];
    uint32_t slots;
    serve(prefixes, 1, "one", 1);
    prefixes_lost(prefixes); /* loaded anew */
    prefill(prefixes, 1, "one");
    prefixes_lost(prefixes);
    assert_int_equal(counts_of(prefixes).results[PREFIX_UNUSED], 1);
    for (int i = 0; i < PREFIX_TRIES; i++) {
        struct prefix_work work = {.drop = drop};
        assert_true(prefixes_begin(prefixes, 1, &work));
        prefixes_end(prefixes, 1, PREFIX_CANCELLED, 1, 0);
        drop(&work);
    }
    assert_int_equal(prefixes_list(prefixes, 0, views, &slots), 1);
    assert_true(views[0].tried);
    assert_int_equal(slots, 1);
    prefixes_destroy(&prefixes);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    enum { BYTES = 8000 };
    struct prefixes *prefixes = made(BYTES);
    static char prompt[3001];
    struct prefix_view views[PREFIX_SESSIONS];
    uint32_t slots;
    memset(prompt, 'x', sizeof prompt - 1);
    for (uint64_t session = 1; session <= 500; session++) {
        prompt[100 + session * 5] = 0;
        serve(prefixes, session, prompt, (int64_t)session);
        prompt[100 + session * 5] = 'x';
        assert_true(counts_of(prefixes).bytes <= BYTES + PREFIX_SESSIONS); /* a NUL each */
    }
    assert_int_equal(prefixes_list(prefixes, 500 * TIME_SECOND, views, &slots),
                     counts_of(prefixes).sessions);
    for (uint32_t i = 0; i < counts_of(prefixes).sessions; i++)
        assert_true(views[i].session > 490); /* the longest silent went */
    /* Too large for the limit, or for anything: not kept, and what was known of it goes. */
    static char large[BYTES + 2];
    memset(large, 'y', BYTES + 1);
    serve(prefixes, 500, large, 501);
    for (uint32_t i = 0, count = prefixes_list(prefixes, 0, views, &slots); i < count; i++)
        assert_true(views[i].session != 500);
    /* An hour later nothing is left, and with the option off nothing is kept. */
    assert_int_equal(prefixes_list(prefixes, 501 * TIME_SECOND + PREFIX_KEPT_NS, views, &slots), 0);
    serve(prefixes, 1, "one", 5000);
    prefixes_limit(prefixes, 0);
    assert_int_equal(counts_of(prefixes).sessions, 0);
    serve(prefixes, 1, "one", 5001);
    assert_int_equal(counts_of(prefixes).sessions, 0);
    prefixes_destroy(&prefixes);
}

static void it_adds_up_whatever_comes(void **state)
{
    (void)state;
    struct prefixes *prefixes = made(2000);
    struct prefix_work work = {.drop = drop};
    struct prng prng;
    bool running = false;
    prng_init(&prng, 4);
    for (int i = 0; i < 20000; i++) {
        uint64_t session = prng_below(&prng, 100);
        struct prefix_view views[PREFIX_SESSIONS];
        uint32_t slots;
        switch (prng_below(&prng, 6)) {
        case 0:
            prefixes_lost(prefixes);
            break;
        case 1:
            if (!running)
                running = prefixes_begin(prefixes, session, &work);
            break;
        case 2:
            if (running) {
                prefixes_end(prefixes, work.session,
                             (int)prng_below(&prng, PREFIX_RESULT_COUNT) % 2 == 0 ? PREFIX_USED
                                                                                  : PREFIX_FAILED,
                             5, (uint32_t)prng_below(&prng, 4));
                drop(&work);
            }
            running = false;
            break;
        case 3:
            (void)prefixes_list(prefixes, i * TIME_SECOND, views, &slots);
            break;
        default:
            serve(prefixes, session, "some prompt", i);
        }
        assert_adds_up(prefixes);
    }
    prefixes_destroy(&prefixes); /* what still runs is dropped with it */
}

static void it_is_written_so_that_nothing_is_answered(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    assert_true(prefill_write(
        STR("{\"model\":\"alias\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
            "\"stream\":true,\"max_tokens\":512,\"n\":3,\"temperature\":0.5}"),
        STR("m"), &out));
    buf_add_char(&out, 0);
    assert_string_equal(out.data, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
                                  "\"hi\"}],\"stream\":false,\"temperature\":0.5,\"n_predict\":0,"
                                  "\"cache_prompt\":true}");
    buf_clear(&out);
    assert_false(prefill_write(STR("[1]"), STR("m"), &out));
    assert_false(prefill_write(STR("no json"), STR("m"), &out));
    assert_true(prefill_knows_path(STR("/completion")));
    assert_false(prefill_knows_path(STR("/v1/embeddings")));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slot_has_the_latest_session),
        cmocka_unit_test(a_request_cancels),
        cmocka_unit_test(what_is_lost_is_read_again_a_few_times),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(it_adds_up_whatever_comes),
        cmocka_unit_test(it_is_written_so_that_nothing_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
