/* SPDX-License-Identifier: MIT
 * The log of runs in memory and in SQLite (Redis: test/daemon/test_runs_kept.py): each id once, in
 * order, also after the file was closed; a snapshot lets go of what is before it. */
#include "edge/store/store_runs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants the three above */
#include <cmocka.h>

struct opened {
    struct store *store;
    struct store_runs *runs;
};

static struct opened open_at(const char *url)
{
    struct opened opened;
    struct fw_detail detail = {{0}};
    if (store_open(&opened.store, url, "", &detail) != FW_OK ||
        store_runs_open(&opened.runs, opened.store, url, "", &detail) != FW_OK)
        fail_msg("%s", detail.text);
    return opened;
}

static void shut(struct opened *opened)
{
    store_runs_close(&opened->runs);
    store_close(&opened->store);
}

static void collect(void *context, struct str facts)
{
    buf_add_str(context, facts);
    buf_add_char(context, ' ');
}

static void expect_log(struct opened *opened, struct store_runs_at *at, const char *text)
{
    struct buf found;
    struct fw_detail detail = {{0}};
    bool more = true;
    buf_init(&found, 1 << 20);
    while (more)
        assert_int_equal(opened->runs->ops->read(opened->runs, at, collect, &found, &more, &detail),
                         FW_OK);
    assert_string_equal(found.data ? found.data : "", text);
    buf_fini(&found);
}

static void add(struct opened *opened, const char *id, const char *facts, bool known)
{
    struct fw_detail detail = {{0}};
    struct store_run run = {.id = str_of(id), .facts = str_of(facts)};
    assert_int_equal(opened->runs->ops->append(opened->runs, &run, 1, &detail), FW_OK);
    assert_int_equal(run.known, known);
}

static void each_id_once(struct opened *opened)
{
    struct fw_detail detail = {{0}};
    struct store_run batch[] = {{STR("x"), STR("one"), false},
                                {STR("018f0000-0000-7000-8000-000000000001"), STR("two"), false},
                                {STR("x"), STR("not again"), false},
                                {STR("018f0000-0000-7000-8000-000000000002"), STR("three"), false}};
    struct store_runs_at at = {0, 0};
    assert_int_equal(opened->runs->ops->append(opened->runs, batch, 4, &detail), FW_OK);
    assert_true(!batch[0].known && !batch[1].known && batch[2].known && !batch[3].known);
    add(opened, "018f0000-0000-7000-8000-000000000001", "not again", true);
    add(opened, "018F0000-0000-7000-8000-000000000001", "upper case is another", false);
    expect_log(opened, &at, "one two three upper case is another ");
    expect_log(opened, &at, "");
    add(opened, "later", "later", false);
    expect_log(opened, &at, "later ");
}

static void in_memory(void **state)
{
    (void)state;
    struct opened opened = open_at("memory:");
    each_id_once(&opened);
    shut(&opened);
}

static void in_sqlite(void **state)
{
    (void)state;
    char path[64], url[80];
    struct fw_detail detail = {{0}};
    struct store_runs_at at;
    struct buf learned;
    snprintf(path, sizeof path, "/tmp/forewarm-runs-%ld.db", (long)getpid());
    snprintf(url, sizeof url, "sqlite:%s", path);
    unlink(path);
    struct opened opened = open_at(url);
    each_id_once(&opened);
    shut(&opened);

    opened = open_at(url);
    buf_init(&learned, 1 << 20);
    assert_int_equal(opened.runs->ops->load(opened.runs, &at, &learned, &detail), FW_OK);
    assert_int_equal(learned.len, 0);
    expect_log(&opened, &at, "one two three upper case is another later ");
    assert_int_equal(opened.runs->ops->save(opened.runs, &at, STR("all of it"), &detail), FW_OK);
    add(&opened, "x", "not again", true); /* its id outlives its facts */
    add(&opened, "after", "after", false);
    shut(&opened);

    opened = open_at(url);
    assert_int_equal(opened.runs->ops->load(opened.runs, &at, &learned, &detail), FW_OK);
    assert_string_equal(learned.data, "all of it");
    expect_log(&opened, &at, "after ");
    at = (struct store_runs_at){0, 0};
    expect_log(&opened, &at, "after "); /* what the snapshot holds is gone from the log */
    buf_fini(&learned);
    shut(&opened);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_memory), cmocka_unit_test(in_sqlite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
