/* SPDX-License-Identifier: MIT
 * Hints in bodies and headers: each dialect to the letter (D3: higher is more important in dynamo),
 * what a client sent (D20), what cannot be edited, and that nothing else of a body changes. */
#include "edge/hint_inject.h"
#include "base/prng.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above */
#include <cmocka.h>

static const struct hint_values values = {
    .known = KNOWN_OSL | KNOWN_IAT | KNOWN_LEVEL | KNOWN_TOTAL | KNOWN_REMAINING,
    .osl = 312,
    .iat_ms = 450,
    .level = 4,
    .total_requests = 7,
    .remaining = 5,
    .prefix_id = "9f2c-d2",
};
static const struct hint_values nothing = {.known = 0};

static struct hint_rules rules_of(int dialect, int client)
{
    return (struct hint_rules){
        .place = HINT_BODY, .dialect = dialect, .client = client, .cap = 5, .scale = 5};
}

/* The body as it leaves, in `out`. */
static enum hint_outcome inject(const struct hint_rules *rules, const struct hint_values *hints,
                                struct str body, struct buf *out)
{
    struct buf text;
    struct hint_edit edit;
    buf_init(&text, 1 << 16);
    enum hint_outcome outcome = hint_inject_scan(rules, hints, body, &text, &edit);
    buf_clear(out);
    if (outcome == HINT_INJECTED || outcome == HINT_STRIPPED) {
        buf_add(out, body.data, edit.at);
        buf_add_str(out, edit.text);
        buf_add(out, body.data + edit.at + edit.cut, body.len - edit.at - edit.cut);
    } else {
        buf_add_str(out, body);
    }
    buf_fini(&text);
    return outcome;
}

struct case_row {
    const char *what;
    int dialect, client;
    const struct hint_values *hints;
    const char *body, *expected;
    enum hint_outcome outcome;
};

/* clang-format off */
static const struct case_row rows[] = {
    {"dynamo, nothing there", HINT_DYNAMO, HINT_STRIP, &values, "{\"model\":\"m\"}",
     "{\"nvext\":{\"agent_hints\":{\"priority\":4,\"osl\":312}},\"model\":\"m\"}", HINT_INJECTED},
    {"D3: legacy turns it round", HINT_LEGACY, HINT_STRIP, &values, " {\"model\":\"m\"}",
     " {\"nvext\":{\"agent_hints\":{\"priority\":1,\"osl\":312,\"iat\":450,\"latency_sensitivity\":4,"
     "\"prefix_id\":\"9f2c-d2\",\"total_requests\":7},\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"3s\"}},"
     "\"model\":\"m\"}", HINT_INJECTED},
    {"strict is a tier only", HINT_STRICT, HINT_STRIP, &values, "{}",
     "{\"nvext\":{\"agent_hints\":{\"strict_priority\":4,\"osl\":312}}}", HINT_INJECTED},
    {"null nvext", HINT_DYNAMO, HINT_STRIP, &values, "{\"nvext\": null , \"a\":1}",
     "{\"nvext\": {\"agent_hints\":{\"priority\":4,\"osl\":312}} , \"a\":1}", HINT_INJECTED},
    {"other members of nvext stay", HINT_DYNAMO, HINT_STRIP, &values,
     "{\"a\":1e2,\"nvext\":{ \"annotations\":[\"\\u0061\"]}}",
     "{\"a\":1e2,\"nvext\":{\"agent_hints\":{\"priority\":4,\"osl\":312}, \"annotations\":[\"\\u0061\"]}}", HINT_INJECTED},
    {"D20: a client's priority is stripped", HINT_DYNAMO, HINT_STRIP, &values,
     "{\"nvext\":{\"agent_hints\":{\"priority\":2000000000}}}",
     "{\"nvext\":{\"agent_hints\":{\"priority\":4,\"osl\":312}}}", HINT_INJECTED},
    {"D20: also when nothing is known", HINT_DYNAMO, HINT_STRIP, &nothing,
     "{\"nvext\":{\"x\":1,\"agent_hints\":{\"priority\":2000000000}}}",
     "{\"nvext\":{\"x\":1,\"agent_hints\":{}}}", HINT_STRIPPED},
    {"merge: ours count, the rest stays", HINT_DYNAMO, HINT_MERGE, &values,
     "{\"nvext\":{\"agent_hints\":{\"speculative_prefill\":true,\"priority\":1}}}",
     "{\"nvext\":{\"agent_hints\":{\"osl\":312,\"speculative_prefill\":true,\"priority\":4}}}", HINT_INJECTED},
    {"keep: theirs count, bounded", HINT_DYNAMO, HINT_KEEP, &values,
     "{\"nvext\":{\"agent_hints\":{\"osl\":9,\"priority\":2000000000}}}",
     "{\"nvext\":{\"agent_hints\":{\"osl\":9,\"priority\":5}}}", HINT_INJECTED},
    {"keep: below zero and no number", HINT_DYNAMO, HINT_KEEP, &values,
     "{\"nvext\":{\"agent_hints\":{\"strict_priority\":\"9\",\"priority\":-3}}}",
     "{\"nvext\":{\"agent_hints\":{\"osl\":312,\"strict_priority\":0,\"priority\":0}}}", HINT_INJECTED},
    {"keep: nothing known, still bounded", HINT_DYNAMO, HINT_KEEP, &nothing,
     "{\"nvext\":{\"agent_hints\":{\"priority\":77}}}",
     "{\"nvext\":{\"agent_hints\":{\"priority\":5}}}", HINT_STRIPPED},
    {"legacy: their cache_control gives way", HINT_LEGACY, HINT_MERGE, &values,
     "{\"nvext\":{\"cache_control\":{\"ttl\":\"1h\"},\"agent_hints\":{\"osl\":1}}}",
     "{\"nvext\":{\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"3s\"},\"agent_hints\":{\"priority\":1,\"iat\":450,"
     "\"latency_sensitivity\":4,\"prefix_id\":\"9f2c-d2\",\"total_requests\":7,\"osl\":312}}}", HINT_INJECTED},
    {"nothing known, nothing there", HINT_DYNAMO, HINT_STRIP, &nothing, "{\"model\":\"m\"}",
     "{\"model\":\"m\"}", HINT_UNKNOWN},
    {"an array", HINT_DYNAMO, HINT_STRIP, &values, "[1]", "[1]", HINT_NO_OBJECT},
    {"no JSON", HINT_DYNAMO, HINT_STRIP, &values, "{\"a\":}", "{\"a\":}", HINT_NO_OBJECT},
    {"empty", HINT_DYNAMO, HINT_STRIP, &values, "", "", HINT_NO_OBJECT},
    {"nvext twice", HINT_DYNAMO, HINT_STRIP, &values, "{\"nvext\":{},\"nvext\":{}}",
     "{\"nvext\":{},\"nvext\":{}}", HINT_DUPLICATE},
    {"twice, once in escapes", HINT_DYNAMO, HINT_STRIP, &values, "{\"nvext\":{},\"\\u006evext\":{}}",
     "{\"nvext\":{},\"\\u006evext\":{}}", HINT_DUPLICATE},
    {"agent_hints twice", HINT_DYNAMO, HINT_STRIP, &values,
     "{\"nvext\":{\"agent_hints\":{},\"agent_hints\":{}}}",
     "{\"nvext\":{\"agent_hints\":{},\"agent_hints\":{}}}", HINT_DUPLICATE},
    {"priority twice", HINT_DYNAMO, HINT_KEEP, &values,
     "{\"nvext\":{\"agent_hints\":{\"priority\":1,\"priority\":2}}}",
     "{\"nvext\":{\"agent_hints\":{\"priority\":1,\"priority\":2}}}", HINT_DUPLICATE},
    {"nvext is no object", HINT_DYNAMO, HINT_STRIP, &values, "{\"nvext\":3}", "{\"nvext\":3}", HINT_TAKEN},
    {"agent_hints is no object", HINT_DYNAMO, HINT_STRIP, &values, "{\"nvext\":{\"agent_hints\":[]}}",
     "{\"nvext\":{\"agent_hints\":[]}}", HINT_TAKEN},
};
/* clang-format on */

static void cases(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct hint_rules rules = rules_of(rows[i].dialect, rows[i].client);
        enum hint_outcome outcome = inject(&rules, rows[i].hints, str_of(rows[i].body), &out);
        if (outcome != rows[i].outcome || !str_equal(buf_str(&out), str_of(rows[i].expected)))
            fail_msg("%s: %s: %s", rows[i].what, hint_outcome_name(outcome), out.data);
    }
    buf_fini(&out);
}

static void large_ones(void **state)
{
    (void)state;
    struct hint_rules rules = rules_of(HINT_DYNAMO, HINT_STRIP);
    struct hint_edit edit;
    struct buf body, out;
    buf_init(&body, SIZE_MAX / 2);
    buf_init(&out, 1 << 16);
    buf_add_text(&body, "{\"nvext\":{\"x\":\"");
    char *fill = buf_reserve(&body, HINT_NVEXT_MAX);
    assert_non_null(fill);
    memset(fill, 'x', HINT_NVEXT_MAX);
    body.len += HINT_NVEXT_MAX;
    buf_add_text(&body, "\"}}");
    assert_int_equal(hint_inject_scan(&rules, &values, buf_str(&body), &out, &edit), HINT_TAKEN);
    buf_clear(&body);
    buf_add_text(&body, "{\"x\":\"");
    enum { HUGE_BYTES = 64 << 20 };
    fill = buf_reserve(&body, HUGE_BYTES);
    assert_non_null(fill);
    memset(fill, 'x', HUGE_BYTES);
    body.len += HUGE_BYTES;
    buf_add_text(&body, "\"}");
    assert_int_equal(hint_inject_scan(&rules, &values, buf_str(&body), &out, &edit),
                     HINT_TOO_LARGE);
    buf_fini(&body);
    buf_fini(&out);
}

/* D15: no call remains: nothing is pinned, whatever the gap was. */
static void cache_control(void **state)
{
    (void)state;
    static const struct {
        uint32_t remaining, iat_ms;
        const char *ttl; /* NULL: none */
    } pins[] = {{0, 250, NULL},    {1, 1, "1s"},    {2, 30000, "1m"},
                {1, 61000, "61s"}, {10, 250, "3s"}, {4000000000u, 4000000000u, "1440m"},
                {120, 1000, "2m"}};
    struct hint_rules rules = rules_of(HINT_LEGACY, HINT_STRIP);
    struct buf out;
    buf_init(&out, 1 << 16);
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        struct hint_values hints = values;
        hints.remaining = pins[i].remaining;
        hints.iat_ms = pins[i].iat_ms;
        assert_int_equal(inject(&rules, &hints, STR("{\"a\":1}"), &out), HINT_INJECTED);
        json_t *json = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        const char *ttl = NULL;
        assert_non_null(json);
        (void)json_unpack(json, "{s:{s:{s:s}}}", "nvext", "cache_control", "ttl", &ttl);
        if (pins[i].ttl)
            assert_string_equal(ttl, pins[i].ttl);
        else
            assert_null(ttl);
        json_decref(json);
    }
    buf_fini(&out);
}

static void headers(void **state)
{
    (void)state;
    struct hint_rules rules = rules_of(HINT_LEGACY, HINT_STRIP);
    struct buf out;
    buf_init(&out, HINT_LINES_MAX);
    rules.headers[HINT_OUTPUT] = "x-prefix-osl";
    rules.headers[HINT_PREFIX] = "x-prefix-id";
    rules.headers[HINT_FIELDS] = "x-hints";
    hint_inject_header(&rules, &values, 0, &out);
    assert_string_equal(
        out.data, "x-hints: {\"priority\":1,\"osl\":312,\"iat\":450,\"latency_sensitivity\":4,"
                  "\"prefix_id\":\"9f2c-d2\",\"total_requests\":7}\r\n"
                  "x-prefix-osl: 312\r\nx-prefix-id: 9f2c-d2\r\n");
    buf_clear(&out);
    hint_inject_header(&rules, &nothing, 0, &out);
    assert_int_equal(out.len, 0);
    assert_int_equal(hint_header_field(&rules, STR("X-Prefix-OSL")), HINT_OUTPUT);
    assert_int_equal(hint_header_field(&rules, STR("X-HINTS")), HINT_FIELDS);
    assert_int_equal(hint_header_field(&rules, STR("x-request-id")), -1);
    assert_int_equal(hint_header_field(&rules, STR("")), -1);
    buf_fini(&out);
}

/* D20: what a client may ask for by headers. */
static void client_headers(void **state)
{
    (void)state;
    struct hint_rules rules = rules_of(HINT_DYNAMO, HINT_STRIP);
    const unsigned priority = 1u << HINT_PRIORITY;
    rules.headers[HINT_OUTPUT] = "x-osl";
    rules.headers[HINT_FIELDS] = "x-hints";
    assert_true(hint_header_passes(&rules, 0, STR("x-request-id"), STR("99")));
    assert_false(hint_header_passes(&rules, 0, STR("X-Dynamo-Request-Priority"), STR("1")));
    assert_false(hint_header_passes(&rules, 0, STR("x-dynamo-request-strict-priority"), STR("1")));
    assert_false(hint_header_passes(&rules, 0, STR("X-OSL"), STR("1")));
    rules.client = HINT_KEEP;
    assert_true(hint_header_passes(&rules, priority, STR(HINT_DYNAMO_PRIORITY), STR("5")));
    assert_false(hint_header_passes(&rules, priority, STR(HINT_DYNAMO_PRIORITY), STR("6")));
    assert_false(hint_header_passes(&rules, 0, STR(HINT_DYNAMO_PRIORITY), STR("2000000000")));
    assert_false(hint_header_passes(&rules, 0, STR(HINT_DYNAMO_TIER), STR("-1")));
    assert_false(hint_header_passes(&rules, 0, STR(HINT_DYNAMO_TIER), STR("x")));
    assert_true(hint_header_passes(&rules, 0, STR("x-osl"), STR("9000")));
    assert_false(hint_header_passes(&rules, 0, STR("x-hints"), STR("{}")));
    rules.client = HINT_MERGE;
    assert_false(hint_header_passes(&rules, priority, STR(HINT_DYNAMO_PRIORITY), STR("5")));
    assert_true(hint_header_passes(&rules, 0, STR(HINT_DYNAMO_PRIORITY), STR("5")));
}

/* ---- random bodies: everything but nvext.agent_hints and cache_control stays ---- */

static void add_random(struct buf *out, struct prng *prng, int depth)
{
    static const char *const scalars[] = {
        "1", "-2.50e+3", "\"a\\u00e9\\\\\\\"b\"", "true", "null", "\"{\\\"\"", "[]", "{}"};
    static const char *const keys[] = {"a", "b c", "agent_hints", "cache_control", "\\u0061x", "n"};
    uint64_t kind = prng_below(prng, depth > 2 ? 8 : 10);
    if (kind < 8) {
        buf_add_text(out, scalars[kind]);
        return;
    }
    buf_add_text(out, kind == 8 ? "{ " : "[");
    uint64_t count = prng_below(prng, 4), from = prng_below(prng, 3);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_text(out, " ,\n");
        if (kind == 8)
            buf_printf(out, "\"%s\": ", keys[(from + i) % 6]);
        add_random(out, prng, depth + 1);
    }
    buf_add_text(out, kind == 8 ? "\t}" : " ]");
}

static void strip_ours(json_t *body)
{
    json_t *nvext = json_object_get(body, "nvext");
    if (!json_is_object(nvext)) {
        json_object_del(body, "nvext");
        return;
    }
    json_object_del(nvext, "agent_hints");
    json_object_del(nvext, "cache_control");
    if (json_object_size(nvext) == 0)
        json_object_del(body, "nvext");
}

static void nothing_else_changes(void **state)
{
    (void)state;
    struct prng prng;
    struct buf body, out;
    unsigned changed = 0;
    prng_init(&prng, 8);
    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        struct hint_rules rules = rules_of((int)prng_below(&prng, 3), (int)prng_below(&prng, 3));
        buf_clear(&body);
        buf_add_text(&body, "{\"messages\":");
        add_random(&body, &prng, 0);
        if (prng_below(&prng, 2)) {
            buf_add_text(&body, ",\"nvext\" : ");
            add_random(&body, &prng, 0);
        }
        buf_add_text(&body, ",\"model\":\"m\"}");
        const struct hint_values *hints = prng_below(&prng, 4) ? &values : &nothing;
        enum hint_outcome outcome = inject(&rules, hints, buf_str(&body), &out);
        json_t *before = json_loadb(body.data, body.len, 0, NULL);
        json_t *after = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
        if (!before || !after)
            fail_msg("%s\n%s", body.data, out.data);
        if (outcome == HINT_INJECTED)
            assert_true(
                json_is_object(json_object_get(json_object_get(after, "nvext"), "agent_hints")));
        changed += outcome == HINT_INJECTED;
        strip_ours(before);
        strip_ours(after);
        if (!json_equal(before, after))
            fail_msg("%s\n%s", body.data, out.data);
        json_decref(before);
        json_decref(after);
    }
    assert_true(changed > 5000);
    buf_fini(&body);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),          cmocka_unit_test(large_ones),
        cmocka_unit_test(cache_control),  cmocka_unit_test(headers),
        cmocka_unit_test(client_headers), cmocka_unit_test(nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
