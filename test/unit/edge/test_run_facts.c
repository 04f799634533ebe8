/* SPDX-License-Identifier: MIT
 * Facts of runs survive being written and read; damaged ones are told. */
#include "edge/run_facts.h"
#include "base/prng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* cmocka wants the three above */
#include <cmocka.h>

enum { CALLS = 40 };
static const struct str names[] = {{"", 0}, {"a", 1}, {"a/b", 3}, {"\0x", 2}, {"meta/llama", 10}};

struct made {
    struct callpath_run run;
    struct callpath_call calls[CALLS];
    struct str models[CALLS], elements[CALLS * CALLPATH_DEPTH_MAX];
};

static int64_t some_instant(struct prng *prng)
{
    return prng_below(prng, 20) == 0 ? INT64_MAX - (int64_t)prng_below(prng, 9)
                                     : (int64_t)(prng_next(prng) >> (1 + prng_below(prng, 62)));
}

static void make(struct prng *prng, struct made *made)
{
    struct str *element = made->elements;
    made->run = (struct callpath_run){.agent = names[prng_below(prng, 5)],
                                      .start_ns = some_instant(prng),
                                      .calls = made->calls,
                                      .count = (uint32_t)prng_below(prng, CALLS + 1)};
    made->run.end_ns = prng_below(prng, 2) ? INT64_MAX : CALLPATH_OPEN;
    for (uint32_t i = 0; i < made->run.count; i++) {
        struct callpath_call *call = &made->calls[i];
        *call = (struct callpath_call){.kind = prng_below(prng, 2) ? CALLPATH_LLM : CALLPATH_TOOL,
                                       .path = element,
                                       .depth = 1 + (uint32_t)prng_below(prng, CALLPATH_DEPTH_MAX),
                                       .parent = prng_next(prng) >> prng_below(prng, 64),
                                       .start_ns = some_instant(prng),
                                       .end_ns = CALLPATH_OPEN,
                                       .tokens = CALLPATH_NO_TOKENS};
        if (prng_below(prng, 2))
            call->end_ns = call->start_ns + (INT64_MAX - call->start_ns) / 2;
        if (prng_below(prng, 2))
            call->tokens = (double)prng_below(prng, 1 << 20);
        for (uint32_t j = 0; j < call->depth; j++)
            *element++ = names[prng_below(prng, 5)];
        made->models[i] = names[prng_below(prng, 5)];
    }
}

static void same(const struct made *made, const struct run_facts *facts)
{
    assert_true(str_equal(made->run.agent, facts->run.agent));
    assert_int_equal(made->run.start_ns, facts->run.start_ns);
    assert_int_equal(made->run.end_ns, facts->run.end_ns);
    assert_int_equal(made->run.count, facts->run.count);
    for (uint32_t i = 0; i < made->run.count; i++) {
        const struct callpath_call *a = &made->calls[i], *b = &facts->run.calls[i];
        assert_true(a->kind == b->kind && a->depth == b->depth && a->parent == b->parent);
        assert_true(a->start_ns == b->start_ns && a->end_ns == b->end_ns);
        assert_true(a->tokens == b->tokens && str_equal(made->models[i], facts->models[i]));
        for (uint32_t j = 0; j < a->depth; j++)
            assert_true(str_equal(a->path[j], b->path[j]));
    }
}

static void written_and_read(void **state)
{
    (void)state;
    static struct made made;
    struct prng prng;
    struct buf out;
    struct run_facts facts;
    prng_init(&prng, 5);
    buf_init(&out, RUN_FACTS_MAX);
    for (int round = 0; round < 2000; round++) {
        make(&prng, &made);
        buf_clear(&out);
        run_facts_put(&out, &made.run, made.models);
        assert_false(out.failed);
        assert_int_equal(run_facts_get(&facts, buf_str(&out)), FW_OK);
        same(&made, &facts);
        run_facts_fini(&facts);
        /* Cut anywhere, it is no run. */
        size_t cut = (size_t)prng_below(&prng, out.len);
        assert_int_equal(run_facts_get(&facts, (struct str){out.data, cut}), FW_CORRUPT);
        assert_null(facts.memory);
    }
    out.data[0] = RUN_FACTS_VERSION + 1;
    assert_int_equal(run_facts_get(&facts, buf_str(&out)), FW_VERSION);
    buf_fini(&out);
}

/* Seven calls of an agent's usual run: at most 64 bytes each, its names apart. */
static void small(void **state)
{
    (void)state;
    struct str path[2] = {STR("planner"), STR("meta/llama-3.1-8b")};
    struct callpath_call calls[7];
    struct str models[7];
    struct buf out;
    const int64_t start_ns = INT64_C(1767323045123456789);
    for (int i = 0; i < 7; i++) {
        calls[i] = (struct callpath_call){.path = path,
                                          .depth = 2,
                                          .parent = UINT64_C(0x8123456789abcdef),
                                          .start_ns = start_ns + i * INT64_C(2345678901),
                                          .end_ns = start_ns + i * INT64_C(2345678901) +
                                                    INT64_C(1234567890),
                                          .tokens = 1000 + i};
        models[i] = path[1];
    }
    const struct callpath_run run = {STR("agent"), start_ns, calls[6].end_ns, calls, 7};
    buf_init(&out, RUN_FACTS_MAX);
    run_facts_put(&out, &run, models);
    size_t names_bytes = 5 + 7 + 17 + 3 + 2 * 9 + 4;
    assert_true(out.len <= 7 * 64 + names_bytes);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read), cmocka_unit_test(small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
