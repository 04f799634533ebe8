/* SPDX-License-Identifier: MIT
 * Several devices: how they are written, where a resource goes, whom it displaces, and who may load
 * at the same time. */
#include "core/devices.h"
#include "engine_bench.h"

#define GIB (UINT64_C(1) << 30)

static struct bench bench_with(const char *policy, const char *devices)
{
    struct bench bench = bench_of(policy);
    (void)snprintf(bench.settings.devices, sizeof bench.settings.devices, "%s", devices);
    bench_start(&bench);
    return bench;
}

static uint32_t of_size(struct bench *bench, const char *id, uint64_t gib)
{
    return add(bench, id, (struct resource_settings){.memory = gib * GIB});
}

/* Asks, and answers the load that follows; where it went. */
static uint32_t load(struct bench *bench, uint32_t resource, uint64_t id)
{
    request(bench, resource, id);
    const struct action *warm = find(bench, ACTION_WARM);
    assert_non_null(warm);
    assert_int_equal(warm->resource, resource);
    uint32_t devices = warm->devices;
    bench->now_ns += SECONDS(10);
    step(bench,
         (struct event){.kind = EVENT_PROVEN, .resource = resource, .attempt = warm->attempt});
    step(bench, (struct event){.kind = EVENT_END, .resource = resource, .request = id});
    return devices;
}

/* The device is left by what the last step evicted. */
static void let_go(struct bench *bench, uint32_t resource)
{
    const struct action *drain = find(bench, ACTION_DRAIN);
    assert_non_null(drain);
    assert_int_equal(drain->resource, resource);
    step(bench,
         (struct event){.kind = EVENT_DRAINED, .resource = resource, .attempt = drain->attempt});
    const struct action *unload = find(bench, ACTION_UNLOAD);
    assert_non_null(unload);
    step(bench,
         (struct event){.kind = EVENT_UNLOADED, .resource = resource, .attempt = unload->attempt});
}

static void expect_bad(const char *text, uint64_t memory, const char *sentence)
{
    struct devices devices;
    struct fw_detail detail = {""};
    assert_int_equal(devices_parse(&devices, str_of(text), memory, &detail), FW_INPUT);
    if (!strstr(detail.text, sentence))
        fail_msg("%s: \"%s\" says nothing of \"%s\"", text, detail.text, sentence);
}

static void reads_devices(void **state)
{
    (void)state;
    struct devices devices;
    struct fw_detail detail = {""};
    assert_int_equal(devices_parse(&devices, STR("2x24GiB, a100=80GiB@3GB/s*2 big=2x40GiB"),
                                   UINT64_MAX, &detail),
                     FW_OK);
    assert_int_equal(devices.count, 5);
    assert_true(devices.named);
    assert_string_equal(devices.items[0].name, "device0");
    assert_string_equal(devices.items[1].name, "device1");
    assert_true(devices.items[1].memory == 24 * GIB && devices.items[1].loads_max == 1);
    assert_string_equal(devices.items[2].name, "a100");
    assert_true(devices.items[2].bandwidth_per_s == UINT64_C(3000000000));
    assert_int_equal(devices.items[2].loads_max, 2);
    assert_string_equal(devices.items[4].name, "big1");
    assert_true(devices_memory(&devices) == 208 * GIB);
    assert_int_equal(devices_parse(&devices, STR(""), 7 * GIB, &detail), FW_OK);
    assert_true(!devices.named && devices.count == 1 && devices.items[0].memory == 7 * GIB);
}

/* Bad input: sizes without units, none, unlimited ones, too many. */
static void refuses_nonsense(void **state)
{
    (void)state;
    expect_bad("24", UINT64_MAX, "found \"24\", expected a size with a unit");
    expect_bad("2x0GiB", UINT64_MAX, "a size with a unit");
    expect_bad("unlimited", UINT64_MAX, "a size with a unit");
    expect_bad("-24GiB", UINT64_MAX, "a size with a unit");
    expect_bad("0x24GiB", UINT64_MAX, "1 to 16 devices before x");
    expect_bad("17x1GiB", UINT64_MAX, "1 to 16 devices before x");
    expect_bad("9x1GiB 8x1GiB", UINT64_MAX, "more than 16");
    expect_bad("a=1GiB a=2GiB", UINT64_MAX, "the name \"a\" is there twice");
    expect_bad("a b=1GiB", UINT64_MAX, "a size with a unit");
    expect_bad("=1GiB", UINT64_MAX, "a name of 1 to 28");
    expect_bad("a=1GiB@3GB", UINT64_MAX, "a bandwidth such as 3GB/s");
    expect_bad("a=1GiB@0B/s", UINT64_MAX, "a bandwidth such as 3GB/s");
    expect_bad("a=1GiB*0", UINT64_MAX, "1 to 64 loads");
    expect_bad("2x24GiB", 4 * GIB, "found memory too, expected one of the two");
}

static void goes_where_it_fits_most_tightly(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "small=8GiB large=24GiB");
    uint32_t a = of_size(&bench, "a", 6), b = of_size(&bench, "b", 20), c = of_size(&bench, "c", 4);
    assert_int_equal(load(&bench, a, 1), 1); /* the large hole stays */
    assert_int_equal(load(&bench, b, 2), 2);
    assert_int_equal(load(&bench, c, 3), 2);
    struct engine_device devices[DEVICES_MAX];
    assert_int_equal(engine_devices(bench.engine, devices), 2);
    assert_string_equal(devices[0].name, "small");
    assert_true(devices[0].used_bytes == 6 * GIB && devices[1].used_bytes == 24 * GIB);
    assert_true(engine_memory_used(bench.engine) == 30 * GIB);
    assert_true(engine_memory_budget(bench.engine) == 32 * GIB);
    assert_int_equal(view(&bench, b).devices, 2);
    bench_end(&bench);
}

/* Both are full; one holds what is asked for all the time, the other what was asked for once. */
static void displaces_where_least_is_lost(void **state)
{
    (void)state;
    struct bench bench = bench_with("planner", "2x10GiB");
    bench.settings.enable_prewarming = false;
    struct fw_detail detail;
    assert_int_equal(engine_reconfigure(bench.engine, &bench.settings, &detail), FW_OK);
    uint32_t busy = of_size(&bench, "busy", 9), rare = of_size(&bench, "rare", 9),
             third = of_size(&bench, "third", 9);
    uint64_t id = 1;
    assert_int_equal(load(&bench, busy, id++), 1);
    assert_int_equal(load(&bench, rare, id++), 2);
    for (int i = 0; i < 40; i++) {
        bench.now_ns += SECONDS(30);
        request(&bench, busy, id);
        step(&bench, (struct event){.kind = EVENT_END, .resource = busy, .request = id++});
    }
    request(&bench, third, id);
    let_go(&bench, rare);
    assert_int_equal(find(&bench, ACTION_WARM)->devices, 2);
    assert_int_equal(view(&bench, busy).state, RESOURCE_WARM);
    bench_end(&bench);
}

/* Tensor-parallel: half of it on each of two. Room is made on both, and one victim that lies on
 * both is enough. */
static void spans_devices(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x10GiB");
    uint32_t wide = add(&bench, "wide", (struct resource_settings){.memory = 16 * GIB, .span = 2});
    uint32_t other =
        add(&bench, "other", (struct resource_settings){.memory = 12 * GIB, .span = 2});
    uint32_t odd = add(&bench, "odd", (struct resource_settings){.memory = 8 * GIB + 1, .span = 2});
    assert_int_equal(load(&bench, wide, 1), 3);
    struct engine_device devices[DEVICES_MAX];
    (void)engine_devices(bench.engine, devices);
    assert_true(devices[0].used_bytes == 8 * GIB && devices[1].used_bytes == 8 * GIB);
    request(&bench, other, 2);
    assert_int_equal(count(&bench, ACTION_DRAIN), 1);
    let_go(&bench, wide);
    assert_int_equal(find(&bench, ACTION_WARM)->devices, 3);
    (void)engine_devices(bench.engine, devices);
    assert_true(devices[0].used_bytes == 6 * GIB && devices[1].used_bytes == 6 * GIB);
    request(&bench, odd, 3); /* 4 GiB and a byte do not fit into 4 */
    assert_null(find(&bench, ACTION_WARM));
    bench_end(&bench);
}

static void stays_on_its_named_devices(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x10GiB");
    uint32_t here =
        add(&bench, "here", (struct resource_settings){.memory = 8 * GIB, .devices = 2});
    uint32_t also =
        add(&bench, "also", (struct resource_settings){.memory = 8 * GIB, .devices = 2});
    assert_int_equal(load(&bench, here, 1), 2);
    request(&bench, also, 2); /* the other one is free, but not for this */
    let_go(&bench, here);
    assert_int_equal(find(&bench, ACTION_WARM)->devices, 2);
    bench_end(&bench);
}

/* One load at a time on each, both at the same time; who waits for one of them holds up nobody who
 * needs the other. */
static void loads_side_by_side(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x20GiB");
    struct resource_settings first = {.memory = 8 * GIB, .devices = 1}, second = first;
    second.devices = 2;
    uint32_t a = add(&bench, "a", first), b = add(&bench, "b", first), c = add(&bench, "c", second);
    request(&bench, a, 1);
    uint64_t attempt = find(&bench, ACTION_WARM)->attempt;
    request(&bench, b, 2);
    assert_null(find(&bench, ACTION_WARM)); /* there is room, but its loader is busy */
    assert_true(view(&bench, b).queued);
    request(&bench, c, 3);
    assert_int_equal(find(&bench, ACTION_WARM)->resource, c);
    step(&bench, (struct event){.kind = EVENT_PROVEN, .resource = a, .attempt = attempt});
    assert_int_equal(find(&bench, ACTION_WARM)->resource, b);
    bench_end(&bench);
}

static void too_large_for_each(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x10GiB");
    uint32_t large = of_size(&bench, "large", 12); /* though there are 20 GiB together */
    request(&bench, large, 1);
    assert_int_equal(find(&bench, ACTION_REFUSE)->reason, REASON_TOO_LARGE);
    uint32_t third = add(&bench, "third", (struct resource_settings){.memory = GIB, .span = 3});
    request(&bench, third, 2);
    assert_int_equal(find(&bench, ACTION_REFUSE)->reason, REASON_TOO_LARGE);
    bench_end(&bench);
}

/* A bandwidth says what a load takes until loads were measured. */
static void expects_what_the_bandwidth_says(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x20GiB@1GiB/s");
    uint32_t a = of_size(&bench, "a", 8);
    uint32_t wide = add(&bench, "wide", (struct resource_settings){.memory = 8 * GIB, .span = 2});
    assert_int_equal(view(&bench, a).expected_load_ns, SECONDS(8));
    assert_int_equal(view(&bench, wide).expected_load_ns, SECONDS(4));
    bench_end(&bench);
}

/* After a restart it is where it says it is. */
static void is_found_where_it_is(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x10GiB");
    uint32_t a = of_size(&bench, "a", 8);
    step(&bench, (struct event){.kind = EVENT_FOUND, .resource = a, .devices = 2});
    assert_int_equal(view(&bench, a).devices, 2);
    uint32_t b = of_size(&bench, "b", 8);
    step(&bench,
         (struct event){.kind = EVENT_FOUND, .resource = b}); /* nobody knows: the emptiest */
    assert_int_equal(view(&bench, b).devices, 1);
    bench_end(&bench);
}

/* The largest of the latest four warm-ups; within one, the largest. */
static void measures_count(void **state)
{
    (void)state;
    struct bench bench = bench_with("lru", "2x10GiB");
    uint32_t a = of_size(&bench, "a", 2), b = of_size(&bench, "b", 9);
    (void)load(&bench, a, 1);
    static const uint64_t gib[] = {4, 3};
    for (int i = 0; i < 2; i++)
        step(&bench, (struct event){.kind = EVENT_SIZED, .resource = a, .value = gib[i] * GIB});
    assert_true(view(&bench, a).memory == 4 * GIB);
    for (int i = 0; i < 4; i++) {
        report(&bench, EVENT_LOST, a);
        (void)load(&bench, a, 10 + (uint64_t)i);
        step(&bench, (struct event){.kind = EVENT_SIZED, .resource = a, .value = GIB});
        assert_true(view(&bench, a).memory == (i < 3 ? 4 : 1) * GIB);
    }
    (void)load(&bench, b, 20);
    step(&bench, (struct event){.kind = EVENT_SIZED, .resource = b, .value = 11 * GIB});
    assert_int_equal(find(&bench, ACTION_DRAIN)->reason, REASON_OVERGROWN);
    assert_int_equal(find(&bench, ACTION_DRAIN)->resource, b);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_devices),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(goes_where_it_fits_most_tightly),
        cmocka_unit_test(displaces_where_least_is_lost),
        cmocka_unit_test(spans_devices),
        cmocka_unit_test(stays_on_its_named_devices),
        cmocka_unit_test(loads_side_by_side),
        cmocka_unit_test(too_large_for_each),
        cmocka_unit_test(expects_what_the_bandwidth_says),
        cmocka_unit_test(is_found_where_it_is),
        cmocka_unit_test(measures_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
