/* SPDX-License-Identifier: MIT */
#include "edge/wheel.h"
#include "base/check.h"
#include <stddef.h>

void wheel_init(struct wheel *wheel, int64_t now_ns)
{
    *wheel = (struct wheel){.done_tick = now_ns / WHEEL_TICK_NS, .next_tick = TIME_NEVER};
}

static unsigned slot_of(int64_t tick)
{
    return (unsigned)((uint64_t)tick % WHEEL_SLOTS);
}

static void timer_link(struct wheel *wheel, struct wheel_timer *timer)
{
    int64_t tick = timer->deadline_ns / WHEEL_TICK_NS + 1; /* never early */
    if (tick <= wheel->done_tick)
        tick = wheel->done_tick + 1;
    if (tick > wheel->done_tick + WHEEL_SLOTS - 1)
        tick =
            wheel->done_tick + WHEEL_SLOTS - 1; /* as far as the wheel reaches; put on from there */
    unsigned slot = slot_of(tick);
    timer->tick = tick;
    timer->next = wheel->slots[slot];
    timer->link = &wheel->slots[slot];
    if (timer->next)
        timer->next->link = &timer->next;
    wheel->slots[slot] = timer;
    wheel->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
    if (tick < wheel->next_tick)
        wheel->next_tick = tick;
}

static void timer_unlink(struct wheel *wheel, struct wheel_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next)
        timer->next->link = timer->link;
    timer->next = NULL;
    timer->link = NULL;
    unsigned slot = slot_of(timer->tick);
    if (!wheel->slots[slot])
        wheel->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline_ns)
{
    CHECK(deadline_ns >= 0);
    timer->deadline_ns = deadline_ns;
    if (timer->link) {
        if (deadline_ns / WHEEL_TICK_NS + 1 >= timer->tick)
            return; /* later or never: seen when its slot comes round */
        timer_unlink(wheel, timer);
    }
    if (deadline_ns != TIME_NEVER)
        timer_link(wheel, timer);
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
    if (timer->link)
        timer_unlink(wheel, timer);
    timer->deadline_ns = TIME_NEVER;
}

int64_t wheel_next(const struct wheel *wheel)
{
    return wheel->next_tick == TIME_NEVER ? TIME_NEVER : wheel->next_tick * WHEEL_TICK_NS;
}

/* The first occupied slot behind done_tick. */
static int64_t next_occupied(const struct wheel *wheel)
{
    for (int64_t tick = wheel->done_tick + 1; tick < wheel->done_tick + WHEEL_SLOTS;) {
        unsigned slot = slot_of(tick);
        uint64_t word = wheel->occupied[slot / 64] >> slot % 64;
        if (word)
            return tick + __builtin_ctzll(word);
        tick += 64 - slot % 64;
    }
    return TIME_NEVER;
}

static void run_slot(struct wheel *wheel, int64_t tick, int64_t now_ns)
{
    unsigned slot = slot_of(tick);
    struct wheel_timer *due = wheel->slots[slot];
    wheel->slots[slot] = NULL;
    wheel->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    if (due)
        due->link = &due; /* a callback may cancel any of them */
    while (due) {
        struct wheel_timer *timer = due;
        due = timer->next;
        if (due)
            due->link = &due;
        timer->next = NULL;
        timer->link = NULL;
        if (timer->deadline_ns == TIME_NEVER)
            continue;
        if (timer->deadline_ns > now_ns) {
            timer_link(wheel, timer);
            continue;
        }
        timer->deadline_ns = TIME_NEVER;
        timer->fire(timer, now_ns);
    }
}

void wheel_run(struct wheel *wheel, int64_t now_ns)
{
    int64_t until = now_ns / WHEEL_TICK_NS;
    while (wheel->next_tick <= until) {
        int64_t tick = wheel->next_tick;
        wheel->done_tick = tick;
        wheel->next_tick = TIME_NEVER;
        run_slot(wheel, tick, now_ns);
        wheel->next_tick = next_occupied(wheel);
    }
    if (until > wheel->done_tick)
        wheel->done_tick = until;
}
