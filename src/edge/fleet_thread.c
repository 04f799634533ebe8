/* SPDX-License-Identifier: MIT
 * Two threads: one talks to Redis and may have to wait for it; the other never waits for anything
 * but time, so that a load is stopped when its lease runs out, however Redis is. */
#include "edge/fleet_part.h"
#include "edge/log.h"
#include "edge/store/lease_wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND_MAX = 64 };

struct asked {
    struct fleet_seat *seat;
    struct lease_ask ask;
    char reason[LEASE_REASON_MAX];
};

void fleet_wait(struct fleet *fleet, pthread_cond_t *cond, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / TIME_SECOND, .tv_nsec = until_ns % TIME_SECOND};
    if (!atomic_load(&fleet->stopping) && until_ns > fleet_now_ns())
        (void)pthread_cond_timedwait(cond, &fleet->lock, &until);
}

/* ---- the guard ---- */

/* Called without the lock: hooks take locks of their own. */
static void tell_hooks(const struct fleet_hooks *hooks, enum lease_state state, bool left_over)
{
    if (state == LEASE_LOST)
        hooks->stop(hooks->context);
    else if (state == LEASE_TAKEN)
        hooks->taken(hooks->context);
    else if (left_over)
        hooks->left_over(hooks->context);
}

/* What was left to others: nobody uses it any more, or it is another load by now. */
static bool is_left_over(struct fleet_seat *seat)
{
    const struct lease_reply *seen = &seat->lease.seen;
    if (!seat->left || seat->lease.state != LEASE_IDLE || !seat->fleet->counts.connected)
        return false;
    return strcmp(seen->phase, "proven") != 0 || seen->token != seat->left_token ||
           seen->others == 0;
}

/* One seat's news; false: none. */
static bool next_news(struct fleet *fleet, struct fleet_hooks *hooks, enum lease_state *state,
                      bool *left_over)
{
    for (struct fleet_seat *seat = fleet->seats; seat; seat = seat->next) {
        lease_tick(&seat->lease, fleet_now_ns());
        *left_over = is_left_over(seat);
        if (seat->told == seat->lease.state && !*left_over)
            continue;
        seat->left &= !*left_over;
        fleet->counts.lost += seat->lease.state == LEASE_LOST && seat->told != LEASE_LOST;
        fleet->counts.alone += seat->lease.state == LEASE_ALONE && seat->told != LEASE_ALONE;
        *state = seat->told = seat->lease.state;
        *hooks = seat->hooks;
        return true;
    }
    return false;
}

void *fleet_guard(void *context)
{
    struct fleet *fleet = context;
    struct fleet_hooks hooks;
    enum lease_state state;
    bool left_over;
    pthread_mutex_lock(&fleet->lock);
    while (!atomic_load(&fleet->stopping)) {
        if (next_news(fleet, &hooks, &state, &left_over)) {
            pthread_mutex_unlock(&fleet->lock);
            tell_hooks(&hooks, state, left_over);
            pthread_mutex_lock(&fleet->lock);
            continue;
        }
        int64_t until_ns = time_add(fleet_now_ns(), TIME_SECOND);
        for (const struct fleet_seat *seat = fleet->seats; seat; seat = seat->next) {
            int64_t at_ns = lease_deadline(&seat->lease);
            bool timed = seat->lease.state != LEASE_IDLE && seat->lease.state != LEASE_WARM;
            until_ns = timed && at_ns < until_ns ? at_ns : until_ns;
        }
        /* A request that is due is the talker's; the guard looks again a little later. */
        int64_t soonest_ns = fleet_now_ns() + 5 * TIME_MILLISECOND;
        fleet_wait(fleet, &fleet->wake_guard, until_ns > soonest_ns ? until_ns : soonest_ns);
    }
    pthread_mutex_unlock(&fleet->lock);
    return NULL;
}

/* ---- the talker ---- */

static uint32_t collect(struct fleet *fleet, struct asked asked[ROUND_MAX])
{
    uint32_t count = 0;
    pthread_mutex_lock(&fleet->lock);
    int64_t now_ns = fleet_now_ns();
    for (struct fleet_seat *seat = fleet->seats; seat && count < ROUND_MAX; seat = seat->next) {
        lease_tick(&seat->lease, now_ns);
        if (!lease_next(&seat->lease, now_ns, &asked[count].ask))
            continue;
        asked[count].seat = seat;
        snprintf(asked[count].reason, sizeof asked[count].reason, "%s", asked[count].ask.reason);
        asked[count].ask.reason = asked[count].reason;
        count++;
    }
    pthread_mutex_unlock(&fleet->lock);
    return count;
}

static void settle(struct fleet *fleet, struct asked *asked, const struct lease_reply *reply)
{
    pthread_mutex_lock(&fleet->lock);
    int64_t now_ns = fleet_now_ns();
    if (reply) {
        fleet->contact_ns = now_ns;
        fleet->counts.granted += asked->ask.op == LEASE_LOAD && reply->verdict == LEASE_IS_GRANTED;
        fleet->counts.joined += asked->ask.op == LEASE_LOAD && reply->verdict == LEASE_IS_JOINED;
        lease_answered(&asked->seat->lease, now_ns, reply);
    } else {
        lease_unanswered(&asked->seat->lease, now_ns);
    }
    pthread_cond_signal(&fleet->wake_guard);
    pthread_mutex_unlock(&fleet->lock);
}

/* All that are due, in one go over the network; each is answered or not in the end. */
static enum fw_err ask_all(struct fleet *fleet, struct fw_detail *detail)
{
    struct asked asked[ROUND_MAX];
    struct lease_reply reply;
    uint32_t count = collect(fleet, asked);
    enum fw_err err = FW_OK;
    for (uint32_t i = 0; i < count && err == FW_OK; i++)
        if (!lease_wire_put(&fleet->link, fleet->node, asked[i].seat->scope,
                            fleet->settings.lease_ns, &asked[i].ask))
            err = err_set(detail, FW_NOMEM, "not enough memory for a request to Redis");
    for (uint32_t i = 0; i < count; i++) {
        if (err == FW_OK)
            err = lease_wire_take(&fleet->link, &reply, detail);
        settle(fleet, &asked[i], err == FW_OK ? &reply : NULL);
    }
    return err;
}

/* ---- with and without Redis: each is said once ---- */

static void note_away(struct fleet *fleet, const struct fw_detail *detail)
{
    bool news = fleet->was_connected || !fleet->ever;
    pthread_mutex_lock(&fleet->lock);
    fleet->counts.connected = false;
    fleet->names.count = 0;
    if (news)
        snprintf(fleet->names.reason, sizeof fleet->names.reason, "%.250s", detail->text);
    pthread_cond_signal(&fleet->wake_guard);
    pthread_mutex_unlock(&fleet->lock);
    if (news)
        log_error("the fleet is not reached; this forewarm goes on alone",
                  LOG_TEXT("reason", detail->text),
                  LOG_TEXT("next", "it is tried again; see that Redis runs and is reachable"));
    fleet->was_connected = false;
    fleet->ever = true;
}

static void note_back(struct fleet *fleet)
{
    pthread_mutex_lock(&fleet->lock);
    fleet->counts.connected = true;
    fleet->contact_ns = fleet_now_ns();
    fleet->names.reason[0] = 0;
    pthread_mutex_unlock(&fleet->lock);
    log_info(fleet->ever ? "the fleet is joined again" : "the fleet is joined",
             LOG_TEXT("node", fleet->name), LOG_TEXT("redis", fleet->link.address.host),
             LOG_INT("port", fleet->link.address.port));
    fleet->was_connected = fleet->ever = true;
}

static enum fw_err talk(struct fleet *fleet, struct fw_detail *detail)
{
    FW_TRY(redis_link_open(&fleet->link, fleet_now_ns(), detail));
    if (!fleet->was_connected) {
        fleet->nodes_ns = fleet->read_ns = 0;
        note_back(fleet);
    }
    FW_TRY(ask_all(fleet, detail));
    int64_t now_ns = fleet_now_ns();
    if (now_ns - fleet->nodes_ns >= fleet->settings.lease_ns / 3) {
        FW_TRY(fleet_meet(fleet, detail));
        fleet->nodes_ns = now_ns;
    }
    FW_TRY(fleet_tell(fleet, detail));
    if (now_ns - fleet->read_ns >= FLEET_IDLE_NS) {
        FW_TRY(fleet_hear(fleet, detail));
        fleet->read_ns = now_ns;
    }
    return FW_OK;
}

static int64_t next_ns(struct fleet *fleet, bool connected)
{
    if (!connected)
        return fleet->link.retry_ns;
    int64_t at_ns = time_add(fleet->read_ns, FLEET_IDLE_NS);
    for (const struct fleet_seat *seat = fleet->seats; seat; seat = seat->next) {
        int64_t due_ns = seat->lease.waiting ? TIME_NEVER : seat->lease.due_ns;
        at_ns = due_ns < at_ns ? due_ns : at_ns;
    }
    return at_ns;
}

static void wait_for_work(struct fleet *fleet, bool connected)
{
    pthread_mutex_lock(&fleet->lock);
    int64_t until_ns = next_ns(fleet, connected);
    while (!atomic_load(&fleet->stopping) && fleet_now_ns() < until_ns) {
        fleet_wait(fleet, &fleet->wake, until_ns);
        int64_t sooner_ns = next_ns(fleet, connected);
        until_ns = sooner_ns < until_ns ? sooner_ns : until_ns;
    }
    pthread_mutex_unlock(&fleet->lock);
}

void *fleet_run(void *context)
{
    struct fleet *fleet = context;
    struct fw_detail detail;
    while (!atomic_load(&fleet->stopping)) {
        detail.text[0] = 0;
        bool tried = fleet->link.context || fleet_now_ns() >= fleet->link.retry_ns;
        bool connected = tried && talk(fleet, &detail) == FW_OK;
        if (tried && !connected) {
            if (fleet->link.context)
                redis_link_drop(&fleet->link, fleet_now_ns());
            note_away(fleet, &detail);
        }
        wait_for_work(fleet, connected);
    }
    if (fleet->link.context && ask_all(fleet, &detail) == FW_OK)
        fleet_depart(fleet);
    return NULL;
}
