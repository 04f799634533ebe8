/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "edge/bus.h"

/* Far more than a ring holds, with nobody reading: nothing is lost and the order stays. */
static void test_nothing_is_lost(void **state)
{
    enum { COUNT = 3 * BUS_RING_ITEMS + 17 };
    struct bus *bus;
    struct event event;
    (void)state;
    assert_int_equal(bus_create(&bus, 2), FW_OK);
    for (uint64_t i = 0; i < COUNT; i++)
        bus_send_event(bus, 1, &(struct event){.kind = EVENT_REQUEST, .request = i});
    uint64_t expected = 0;
    for (int turn = 0; turn < 10; turn++) {
        while (bus_take_event(bus, &event))
            assert_int_equal(event.request, expected++);
        bus_flush(bus, 1);
    }
    assert_int_equal(expected, COUNT);

    struct action action;
    for (uint64_t i = 0; i < COUNT; i++)
        bus_send_action(bus,
                        &(struct action){.kind = ACTION_RELEASE, .request = BUS_REQUEST_ID(1, i)});
    assert_false(bus_take_action(bus, 0, &action));
    for (expected = 0; expected < COUNT;) {
        while (bus_take_action(bus, 1, &action))
            assert_int_equal(action.request, BUS_REQUEST_ID(1, expected++));
        assert_false(bus_take_event(bus, &event)); /* the brain's turn: what it kept goes on */
    }
    bus_destroy(&bus);
}

static void test_what_waits_for_company(void **state)
{
    struct bus *bus;
    (void)state;
    assert_int_equal(bus_create(&bus, 1), FW_OK);
    assert_false(bus_flush_urgent(bus, 0));
    bus_send_event(bus, 0, &(struct event){.kind = EVENT_REQUEST, .flags = EVENT_SERVED});
    bus_send_event(bus, 0, &(struct event){.kind = EVENT_END});
    assert_true(bus_flush_urgent(bus, 0));
    bus_flush(bus, 0);
    assert_false(bus_flush_urgent(bus, 0));
    bus_send_event(bus, 0, &(struct event){.kind = EVENT_END});
    bus_send_event(bus, 0, &(struct event){.kind = EVENT_REQUEST}); /* somebody waits */
    assert_false(bus_flush_urgent(bus, 0));
    bus_destroy(&bus);
}

/* --- threads: requests go up, releases come back, all of them, once --- */

enum { SENDERS = 3, REQUESTS = 40000 };
struct sender {
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    struct bus *bus;
    unsigned number;
    uint64_t sent, released;
};

static void sender_wake(uv_async_t *wake)
{
    struct sender *sender = wake->data;
    struct action action;
    while (bus_take_action(sender->bus, sender->number, &action)) {
        assert_int_equal(action.request, BUS_REQUEST_ID(sender->number, sender->released));
        sender->released++;
    }
    for (int i = 0; i < 100 && sender->sent < REQUESTS; i++)
        bus_send_event(sender->bus, sender->number,
                       &(struct event){.kind = EVENT_REQUEST,
                                       .request = BUS_REQUEST_ID(sender->number, sender->sent++)});
    bus_flush(sender->bus, sender->number);
    if (sender->released == REQUESTS)
        uv_close((uv_handle_t *)wake, NULL);
    else if (sender->sent < REQUESTS)
        uv_async_send(wake);
}

static void sender_run(void *context)
{
    struct sender *sender = context;
    uv_async_send(&sender->wake);
    uv_run(&sender->loop, UV_RUN_DEFAULT);
    bus_attach_sender(sender->bus, sender->number, NULL);
}

struct brain {
    uv_loop_t loop;
    uv_async_t wake;
    struct bus *bus;
    uint64_t taken;
};

static void brain_wake(uv_async_t *wake)
{
    struct brain *brain = wake->data;
    struct event event;
    while (bus_take_event(brain->bus, &event)) {
        bus_send_action(brain->bus,
                        &(struct action){.kind = ACTION_RELEASE, .request = event.request});
        brain->taken++;
    }
    if (brain->taken == SENDERS * REQUESTS)
        uv_stop(wake->loop);
}

static void test_threads(void **state)
{
    static struct sender senders[SENDERS];
    static struct brain brain;
    (void)state;
    assert_int_equal(bus_create(&brain.bus, SENDERS), FW_OK);
    assert_int_equal(uv_loop_init(&brain.loop), 0);
    assert_int_equal(uv_async_init(&brain.loop, &brain.wake, brain_wake), 0);
    brain.wake.data = &brain;
    bus_attach_brain(brain.bus, &brain.wake);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i].bus = brain.bus;
        senders[i].number = i;
        assert_int_equal(uv_loop_init(&senders[i].loop), 0);
        assert_int_equal(uv_async_init(&senders[i].loop, &senders[i].wake, sender_wake), 0);
        senders[i].wake.data = &senders[i];
        bus_attach_sender(brain.bus, i, &senders[i].wake);
        assert_int_equal(uv_thread_create(&senders[i].thread, sender_run, &senders[i]), 0);
    }
    uv_run(&brain.loop, UV_RUN_DEFAULT);
    /* What the brain still keeps goes out on its later turns. */
    for (unsigned i = 0; i < SENDERS; i++) {
        assert_int_equal(uv_thread_join(&senders[i].thread), 0);
        assert_int_equal(senders[i].released, REQUESTS);
        assert_int_equal(uv_loop_close(&senders[i].loop), 0);
    }
    bus_attach_brain(brain.bus, NULL);
    uv_close((uv_handle_t *)&brain.wake, NULL);
    uv_run(&brain.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&brain.loop), 0);
    bus_destroy(&brain.bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_lost),
        cmocka_unit_test(test_what_waits_for_company),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
