/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "edge/viewer.h"

static struct config *config_of(const char *text)
{
    struct config *config;
    struct config_problems problems = {0};
    enum fw_err err = config_parse(&config, "test.yaml", str_of(text), NULL, &problems);
    if (err != FW_OK)
        fail_msg("%s", problems.text.data);
    config_problems_fini(&problems);
    return config;
}

#define RESOURCE(id, more) "  - {id: " id ", upstream: \"http://127.0.0.1:1\"" more "}\n"
static const char first_text[] =
    "state: \"memory:\"\nresources:\n" RESOURCE("\"llama3:latest\"", ", aliases: [gpt, \"qwen\"]")
        RESOURCE("\"a/b:q4\"", "") RESOURCE("\"mistral:latest\"", ", aliases: [mistral]");
static const char second_text[] =
    "state: \"memory:\"\nresources:\n" RESOURCE("\"a/b:q4\"", "") RESOURCE("new", "");

static const char *id_of(const struct view *view, const char *name)
{
    const struct route *route = view_find(view, str_of(name));
    return route ? route->config->id : "-";
}

static void test_names(void **state)
{
    struct slots *slots;
    struct view *view;
    (void)state;
    assert_int_equal(slots_create(&slots, 16), FW_OK);
    assert_int_equal(view_create(&view, config_of(first_text), slots, 1), FW_OK);
    assert_string_equal(id_of(view, "llama3:latest"), "llama3:latest");
    assert_string_equal(id_of(view, "llama3"), "llama3:latest"); /* Ollama's bare names */
    assert_string_equal(id_of(view, "gpt"), "llama3:latest");
    assert_string_equal(id_of(view, "a/b:q4"), "a/b:q4");
    assert_string_equal(id_of(view, "mistral"), "mistral:latest");
    assert_string_equal(id_of(view, "a/b"), "-");
    assert_string_equal(id_of(view, "GPT"), "-");
    assert_string_equal(id_of(view, ""), "-");
    view_destroy(&view);
    slots_destroy(&slots);
}

static void test_slots_outlive_views(void **state)
{
    struct slots *slots;
    struct view *view;
    (void)state;
    assert_int_equal(slots_create(&slots, 4), FW_OK);
    assert_int_equal(view_create(&view, config_of(first_text), slots, 1), FW_OK);
    struct slot *slot = view_find(view, STR("a/b:q4"))->slot;
    assert_int_equal(slot->resource, TABLE_NONE);
    atomic_store(&slot->warm, 1);
    view_destroy(&view);
    assert_int_equal(view_create(&view, config_of(second_text), slots, 2), FW_OK);
    assert_ptr_equal(view_find(view, STR("a/b:q4"))->slot, slot);
    assert_int_equal(atomic_load(&slot->warm), 1);
    view_destroy(&view);
    /* A fifth id does not fit; the caller keeps the configuration. */
    static const char too_many[] =
        "state: \"memory:\"\nresources:\n" RESOURCE("one", "") RESOURCE("two", "");
    struct config *config = config_of(too_many);
    assert_int_equal(view_create(&view, config, slots, 3), FW_LIMIT);
    assert_null(view);
    config_free(&config);
    slots_destroy(&slots);
}

static void test_a_request_keeps_its_view(void **state)
{
    struct slots *slots;
    struct view *first, *second;
    _Atomic(struct view *) shared;
    struct viewer viewer;
    (void)state;
    assert_int_equal(slots_create(&slots, 16), FW_OK);
    assert_int_equal(view_create(&first, config_of(first_text), slots, 1), FW_OK);
    assert_int_equal(view_create(&second, config_of(second_text), slots, 2), FW_OK);
    atomic_init(&shared, first);
    viewer_init(&viewer, &shared);
    assert_true(viewer_turn(&viewer));
    assert_false(viewer_turn(&viewer));
    assert_int_equal(atomic_load(&viewer.oldest), 1);
    struct viewer_hold *hold = viewer_take(&viewer);
    atomic_store(&shared, second);
    assert_ptr_equal(viewer_look(&viewer), second); /* new requests see the new one at once */
    viewer_turn(&viewer);
    assert_int_equal(atomic_load(&viewer.oldest), 1); /* but the old one is still touched */
    assert_ptr_equal(hold->view, first);
    viewer_give(hold);
    viewer_turn(&viewer);
    assert_int_equal(atomic_load(&viewer.oldest), 2);
    viewer_fini(&viewer);
    view_destroy(&first);
    view_destroy(&second);
    slots_destroy(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_slots_outlive_views),
        cmocka_unit_test(test_a_request_keeps_its_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
