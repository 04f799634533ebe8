/* SPDX-License-Identifier: MIT
 * The stores: what is saved is there again, also when the one who saved it never closed the file;
 * other files are refused and left as they are. */
#include "edge/store/store.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], path[128], url[160];

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/forewarm-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/state.db", folder);
    snprintf(url, sizeof url, "sqlite:%s", path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    char name[200];
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static void fill(struct store_content *content, struct store_resource *resource, char **sources)
{
    *content = (struct store_content){.at_ns = 77,
                                      .resources = resource,
                                      .resource_count = 1,
                                      .sources = sources,
                                      .source_count = 2};
    *resource = (struct store_resource){.id = "org/model:7b"};
    stats_recent_add(&resource->learned.probe_ns, 5);
    stats_recent_add(&resource->learned.load_ns, 6);
    stats_recent_add(&resource->learned.verify_ns, 7);
    sources[0] = (char *)"page";
    sources[1] = (char *)"agent";
    buf_init(&content->engine, 1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&content->engine, (uint8_t)i);
}

static struct store *opened(void)
{
    struct store *store = NULL;
    struct fw_detail detail = {{0}};
    enum fw_err err = store_open(&store, url, "", &detail);
    if (err != FW_OK)
        print_error("%s\n", detail.text);
    assert_int_equal(err, FW_OK);
    return store;
}

static void save(struct store *store)
{
    struct store_content content;
    struct store_resource resource;
    char *sources[2];
    struct fw_detail detail;
    const struct saved_child child = {4711, 99, "./server --port 1"};
    fill(&content, &resource, sources);
    assert_int_equal(store->ops->save_child(store, "org/model:7b", &child, &detail), FW_OK);
    assert_int_equal(store->ops->save_child(store, "gone", &child, &detail), FW_OK);
    assert_int_equal(
        store->ops->save_child(store, "gone", &(struct saved_child){.command = ""}, &detail),
        FW_OK);
    assert_int_equal(store->ops->save(store, &content, &detail), FW_OK);
    buf_fini(&content.engine);
}

static void assert_saved(struct store *store)
{
    struct store_content content;
    struct fw_detail detail;
    assert_int_equal(store->ops->load(store, &content, &detail), FW_OK);
    assert_int_equal(content.at_ns, 77);
    assert_int_equal(content.engine.len, 100000);
    assert_int_equal((uint8_t)content.engine.data[99999], (uint8_t)99999);
    assert_int_equal(content.resource_count, 1);
    assert_string_equal(content.resources[0].id, "org/model:7b");
    assert_int_equal(content.resources[0].learned.probe_ns.values[0], 5);
    assert_int_equal(content.resources[0].learned.verify_ns.values[0], 7);
    assert_int_equal(content.resources[0].child.pid, 4711);
    assert_int_equal(content.resources[0].child.start_time, 99);
    assert_string_equal(content.resources[0].child.command, "./server --port 1");
    assert_int_equal(content.source_count, 2);
    assert_string_equal(content.sources[1], "agent");
    store_content_fini(&content);
}

static void what_is_saved_is_there(void **state)
{
    (void)state;
    struct store *store = opened();
    save(store);
    save(store); /* over what is there */
    store_close(&store);
    store = opened();
    assert_saved(store);
    store_close(&store);
}

/* The process that saved is killed without a word. */
static void survives_kill_9(void **state)
{
    (void)state;
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        save(opened());
        (void)!write(said[1], "x", 1);
        pause();
        _exit(0);
    }
    char byte;
    assert_int_equal(read(said[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(said[0]);
    close(said[1]);
    struct store *store = opened();
    assert_saved(store);
    store_close(&store);
}

static void one_owner_at_a_time(void **state)
{
    (void)state;
    struct store *store = opened(), *second = NULL;
    struct fw_detail detail;
    assert_int_equal(store_open(&second, url, "", &detail), FW_IN_USE);
    assert_non_null(strstr(detail.text, "is used by another forewarm"));
    store_close(&store);
}

static size_t read_file(unsigned char *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(data, 1, size, file);
    fclose(file);
    return len;
}

static void write_file(const unsigned char *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

/* Refused with this error, and not a byte is changed. */
static void refused(const unsigned char *data, size_t len, enum fw_err expected)
{
    static unsigned char after[1 << 20];
    struct store *store = NULL;
    struct fw_detail detail = {{0}};
    write_file(data, len);
    assert_int_equal(store_open(&store, url, "", &detail), expected);
    assert_non_null(strstr(detail.text, path));
    assert_int_equal(read_file(after, sizeof after), len);
    assert_memory_equal(after, data, len);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static unsigned char good[1 << 20], bad[1 << 20];
    struct store *store = opened();
    save(store);
    store_close(&store);
    size_t len = read_file(good, sizeof good);
    refused((const unsigned char *)"hello", 5, FW_FOREIGN);
    refused((const unsigned char *)"SQLite", 6, FW_CORRUPT);
    refused(good, len - 4096, FW_CORRUPT);
    memcpy(bad, good, len);
    bad[71] ^= 1; /* application_id */
    refused(bad, len, FW_FOREIGN);
    memcpy(bad, good, len);
    bad[63] = 9; /* user_version */
    refused(bad, len, FW_VERSION);
    memcpy(bad, good, len);
    memset(bad + 4096, 0xff, len - 4096);
    refused(bad, len, FW_CORRUPT);
    write_file(good, len);
    store = opened();
    assert_saved(store);
    store_close(&store);
}

/* A first start that was killed leaves an empty file; so does touch. */
static void an_empty_file_is_a_new_one(void **state)
{
    (void)state;
    write_file((const unsigned char *)"", 0);
    struct store *store = opened();
    struct store_content content;
    struct fw_detail detail;
    assert_int_equal(store->ops->load(store, &content, &detail), FW_OK);
    assert_int_equal(content.at_ns, 0);
    store_content_fini(&content);
    store_close(&store);
}

static void other_urls(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct fw_detail detail;
    assert_int_equal(store_open(&store, "redis://:secret@localhost/0", "", &detail), FW_INPUT);
    assert_string_equal(detail.text,
                        "state: a password does not belong into the address but into the file that "
                        "redis_password_file names, expected redis://HOST:PORT/DB");
    assert_int_equal(store_open(&store, "redis://host:0/1", "", &detail), FW_INPUT);
    assert_int_equal(store_open(&store, "redis://host:1/x", "", &detail), FW_INPUT);
    assert_int_equal(store_open(&store, "redis://:1/0", "", &detail), FW_INPUT);
    assert_int_equal(store_open(&store, "redis://[::1]:1/0", "", &detail),
                     FW_OK); /* not asked yet */
    assert_true(store->ops->lasting && !store->ops->children);
    store_close(&store);
    assert_int_equal(store_open(&store, "file.db", "", &detail), FW_INPUT);
    assert_int_equal(store_open(&store, "sqlite:/nowhere/at/all.db", "", &detail), FW_IO);
    assert_int_equal(store_open(&store, "memory:", "", &detail), FW_OK);
    assert_false(store->ops->lasting);
    store_close(&store);
}

/* ---- parts ---- */

static void take_part(void *context, const char *name, struct str data)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 200 - len, "%s=%.*s;", name, STR_ARG(data));
}

static void parts_are_kept_one_by_one(void **state)
{
    (void)state;
    struct store *store = opened();
    struct fw_detail detail = {{0}};
    const struct store_part first[] = {{"a/1", STR("one")}, {"b", STR("two")}, {"c", STR("x")}};
    const struct store_part second[] = {{"b", STR("new")}, {"c", {NULL, 0}}, {"gone", {NULL, 0}}};
    assert_int_equal(store->ops->put_parts(store, "demand", first, 3, &detail), FW_OK);
    assert_int_equal(store->ops->put_parts(store, "other", first, 1, &detail), FW_OK);
    assert_int_equal(store->ops->put_parts(store, "demand", second, 3, &detail), FW_OK);
    store_close(&store);
    store = opened();
    char text[200] = "";
    assert_int_equal(store->ops->get_parts(store, "demand", take_part, text, &detail), FW_OK);
    assert_string_equal(text, "a/1=one;b=new;");
    text[0] = 0;
    assert_int_equal(store->ops->get_parts(store, "nothing", take_part, text, &detail), FW_OK);
    assert_string_equal(text, "");
    store_close(&store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_there),     TEST(survives_kill_9),
        TEST(one_owner_at_a_time),        TEST(other_files_are_refused),
        TEST(an_empty_file_is_a_new_one), cmocka_unit_test(other_urls),
        TEST(parts_are_kept_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
