/* SPDX-License-Identifier: MIT */
#include "edge/store/lease.h"
#include "base/check.h"
#include "base/time.h"
#include <stdio.h>
#include <string.h>

#define POLL_SHARE  20 /* of the lease time: how often who waits asks again */
#define POLL_MIN_NS (10 * TIME_MILLISECOND)
#define POLL_MAX_NS (250 * TIME_MILLISECOND)
#define RENEW_SHARE 3

const char *lease_state_name(enum lease_state state)
{
    static const char *const names[] = {
#define X(state, name) name,
        LEASE_STATES(X)
#undef X
    };
    return names[state];
}

const char *lease_op_name(enum lease_op op)
{
    static const char *const names[] = {
#define X(op, name) name,
        LEASE_OPS(X)
#undef X
    };
    return names[op];
}

void lease_init(struct lease *lease, const struct lease_settings *settings,
                const int64_t *contact_ns)
{
    memset(lease, 0, sizeof *lease);
    lease->settings = settings;
    lease->contact_ns = contact_ns;
}

static int64_t third_ns(const struct lease *lease)
{
    return lease->settings->lease_ns / RENEW_SHARE;
}

static int64_t poll_ns(const struct lease *lease)
{
    int64_t poll_ns = lease->settings->lease_ns / POLL_SHARE;
    poll_ns = poll_ns > POLL_MAX_NS ? POLL_MAX_NS : poll_ns;
    return poll_ns < POLL_MIN_NS ? POLL_MIN_NS : poll_ns;
}

static void enter(struct lease *lease, enum lease_state state, int64_t now_ns)
{
    lease->state = state;
    lease->due_ns = now_ns;
}

static void note_token(struct lease *lease, uint64_t token)
{
    lease->known = token > lease->known ? token : lease->known;
}

/* Said once, as soon as Redis answers; a newer word takes the place of an older one. */
static void say(struct lease *lease, enum lease_op op, int64_t until_ns, const char *phase)
{
    lease->last_due = lease->token != 0;
    lease->last = op;
    lease->last_token = lease->token;
    lease->last_until_ns = until_ns;
    lease->last_phase = phase;
}

static int64_t until_ns(const struct lease *lease, int64_t now_ns)
{
    return time_add(now_ns, lease->settings->lease_ns);
}

/* ---- what its owner wants, and what became of it ---- */

void lease_load(struct lease *lease, int64_t now_ns, bool not_there)
{
    lease->not_there = not_there ? lease->token : 0;
    lease->following = 0;
    lease->token = 0;
    enter(lease, LEASE_ASKING, now_ns);
}

bool lease_valid(const struct lease *lease, int64_t now_ns)
{
    return lease->state == LEASE_ALONE || lease->state == LEASE_JOINED ||
           (lease->state == LEASE_LOADING && now_ns < lease->stop_ns);
}

bool lease_proven(struct lease *lease, int64_t now_ns)
{
    if (lease->state == LEASE_WARM) /* proven again */
        return true;
    if (!lease_valid(lease, now_ns))
        return false;
    if (lease->state == LEASE_LOADING)
        say(lease, LEASE_PROVEN, TIME_NEVER, "proven");
    enter(lease, LEASE_WARM, now_ns);
    return true;
}

void lease_failed(struct lease *lease, int64_t now_ns, const char *reason)
{
    if (reason)
        snprintf(lease->reason, sizeof lease->reason, "%s", reason);
    else
        lease->reason[0] = 0;
    if (lease->state == LEASE_LOADING)
        say(lease, LEASE_FAILED, until_ns(lease, now_ns), reason ? "failed" : "cold");
    lease->token = 0;
    enter(lease, LEASE_IDLE, now_ns);
}

void lease_found(struct lease *lease, int64_t now_ns)
{
    lease->token = 0;
    enter(lease, LEASE_WARM, now_ns);
}

void lease_gone(struct lease *lease, int64_t now_ns)
{
    if (lease->state == LEASE_WARM)
        say(lease, LEASE_GONE, until_ns(lease, now_ns), "cold");
    lease->token = 0;
    enter(lease, LEASE_IDLE, now_ns);
}

void lease_leave(struct lease *lease, int64_t now_ns)
{
    lease->last_due = false; /* what was to be said of it does not matter any more */
    enter(lease, LEASE_LEAVING, now_ns);
}

void lease_unloaded(struct lease *lease, int64_t now_ns)
{
    lease->reason[0] = 0;
    if (lease->state == LEASE_UNLOADING)
        say(lease, LEASE_UNLOADED, until_ns(lease, now_ns), "cold");
    lease->token = 0;
    enter(lease, LEASE_IDLE, now_ns);
}

/* ---- time ---- */

/* Every lease that was granted when Redis still answered has run out since, unless its holder could
 * renew it. */
static int64_t cut_off_ns(const struct lease *lease)
{
    return time_add(*lease->contact_ns, lease->settings->lease_ns);
}

void lease_tick(struct lease *lease, int64_t now_ns)
{
    bool cut_off = now_ns >= cut_off_ns(lease) && lease->settings->alone;
    switch (lease->state) {
    case LEASE_ASKING:
        if (cut_off) {
            lease->token = 0;
            enter(lease, LEASE_ALONE, lease->due_ns);
        }
        break;
    case LEASE_LOADING:
        if (now_ns >= lease->stop_ns) {
            lease->token = 0;
            enter(lease, LEASE_LOST, now_ns);
        }
        break;
    case LEASE_UNLOADING:
        if (lease->token != 0 && now_ns >= lease->stop_ns)
            lease->token = 0; /* what is unloaded is unloaded */
        break;
    case LEASE_LEAVING:
        if (now_ns >= cut_off_ns(lease)) {
            bool used = lease->seen.others > 0 || !lease->settings->alone;
            lease->token = 0;
            enter(lease, used ? LEASE_LEFT : LEASE_UNLOADING, now_ns);
        }
        break;
    default:
        break;
    }
    if (lease->last_due && !lease->waiting && now_ns >= lease->last_until_ns)
        lease->last_due = false;
}

int64_t lease_deadline(const struct lease *lease)
{
    int64_t at_ns = lease->waiting ? TIME_NEVER : lease->due_ns;
    bool stops =
        lease->state == LEASE_LOADING || (lease->state == LEASE_UNLOADING && lease->token != 0);
    if (stops && lease->stop_ns < at_ns)
        at_ns = lease->stop_ns;
    bool asks =
        (lease->state == LEASE_ASKING && lease->settings->alone) || lease->state == LEASE_LEAVING;
    if (asks && cut_off_ns(lease) < at_ns)
        at_ns = cut_off_ns(lease);
    return at_ns;
}

/* ---- requests ---- */

static enum lease_op op_due(const struct lease *lease)
{
    switch (lease->state) {
    case LEASE_ASKING:
    case LEASE_ALONE:
        return LEASE_LOAD;
    case LEASE_LOADING:
        return LEASE_RENEW;
    case LEASE_UNLOADING:
        return lease->token != 0 ? LEASE_RENEW : LEASE_LOOK;
    case LEASE_JOINED:
    case LEASE_WARM:
        return lease->token != 0 ? LEASE_BEAT : LEASE_CLAIM;
    case LEASE_LEAVING:
        return LEASE_LEAVE;
    default:
        return LEASE_LOOK;
    }
}

bool lease_next(struct lease *lease, int64_t now_ns, struct lease_ask *ask)
{
    if (lease->waiting || now_ns < lease->due_ns)
        return false;
    memset(ask, 0, sizeof *ask);
    ask->reason = "";
    if (lease->last_due) {
        ask->op = lease->last;
        ask->token = lease->last_token;
        ask->phase = lease->last_phase;
        ask->reason = lease->reason;
    } else {
        ask->op = op_due(lease);
        ask->token = lease->token != 0 && ask->op != LEASE_LEAVE ? lease->token : lease->known;
        ask->following = lease->following;
        ask->not_there = lease->not_there;
        ask->phase = lease->state == LEASE_UNLOADING ? "unloading" : "loading";
    }
    lease->waiting = true;
    lease->asked = ask->op;
    lease->asked_token = ask->token;
    lease->sent_ns = now_ns;
    return true;
}

void lease_unanswered(struct lease *lease, int64_t now_ns)
{
    lease->waiting = false;
    lease->due_ns = time_add(now_ns, poll_ns(lease));
}

/* ---- replies ---- */

/* Reckoned from when it was sent: Redis has it for longer than we do. */
static void hold(struct lease *lease, enum lease_state state, const struct lease_reply *reply)
{
    lease->token = reply->token;
    lease->state = state;
    lease->stop_ns = time_add(lease->sent_ns, 2 * third_ns(lease));
    lease->due_ns = time_add(lease->sent_ns, third_ns(lease));
}

static void on_load(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    bool alone = lease->state == LEASE_ALONE;
    lease->due_ns = time_add(now_ns, poll_ns(lease));
    switch (reply->verdict) {
    case LEASE_IS_GRANTED:
        hold(lease, LEASE_LOADING, reply);
        if (now_ns >= lease->stop_ns) { /* too slow to be of use */
            say(lease, LEASE_FAILED, until_ns(lease, now_ns), "cold");
            lease->token = 0;
            enter(lease, alone ? LEASE_LOST : LEASE_ASKING, now_ns);
        }
        break;
    case LEASE_IS_JOINED:
        lease->token = reply->token;
        enter(lease, alone ? LEASE_LOST : LEASE_JOINED, time_add(now_ns, third_ns(lease)));
        break;
    case LEASE_IS_HELD:
        lease->following = reply->token;
        if (alone)
            enter(lease, LEASE_LOST, now_ns);
        break;
    case LEASE_IS_FAILED:
        snprintf(lease->reason, sizeof lease->reason, "%s", reply->reason);
        enter(lease, alone ? LEASE_LOST : LEASE_REFUSED, now_ns);
        break;
    default:
        break;
    }
}

static void on_renew(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    if (reply->verdict == LEASE_IS_OK) {
        hold(lease, lease->state, reply);
    } else {
        lease->token = 0;
        enter(lease, lease->state == LEASE_LOADING ? LEASE_LOST : lease->state, now_ns);
        lease->due_ns = time_add(now_ns, third_ns(lease));
    }
}

static void on_beat(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    lease->due_ns = time_add(now_ns, third_ns(lease));
    if (reply->verdict == LEASE_IS_OK) {
        lease->token = reply->token;
    } else if (reply->verdict == LEASE_IS_LOST) {
        lease->token = 0;
        enter(lease, lease->state == LEASE_WARM ? LEASE_TAKEN : LEASE_LOST, now_ns);
    } else {
        lease->due_ns = time_add(now_ns, poll_ns(lease)); /* a claim that has to wait */
    }
}

static void on_leave(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    lease->due_ns = time_add(now_ns, poll_ns(lease));
    if (reply->verdict == LEASE_IS_GRANTED) {
        hold(lease, LEASE_UNLOADING, reply);
    } else if (reply->verdict == LEASE_IS_OTHERS) {
        lease->token = 0;
        enter(lease, LEASE_LEFT, now_ns);
    }
}

/* An answer to what is not asked any more changes nothing, but for a lease that nobody wants. */
static void on_stale(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    if (reply->verdict != LEASE_IS_GRANTED || lease->last_due)
        return;
    uint64_t token = lease->token;
    lease->token = reply->token;
    say(lease, LEASE_FAILED, until_ns(lease, now_ns), "cold");
    lease->token = token;
}

void lease_answered(struct lease *lease, int64_t now_ns, const struct lease_reply *reply)
{
    CHECK(lease->waiting);
    lease->waiting = false;
    lease->seen = *reply;
    note_token(lease, reply->token);
    if (lease->last_due && lease->asked == lease->last && lease->asked_token == lease->last_token) {
        lease->last_due = false;
        lease->due_ns = now_ns;
        if (lease->last == LEASE_PROVEN && reply->verdict == LEASE_IS_LOST &&
            lease->state == LEASE_WARM)
            lease->token = 0; /* it is warm all the same: claim it */
        if (lease->last == LEASE_PROVEN && reply->verdict == LEASE_IS_OK)
            lease->due_ns = time_add(now_ns, third_ns(lease));
        return;
    }
    bool wanted = lease->asked == op_due(lease) &&
                  (lease->asked == LEASE_LOAD || lease->asked == LEASE_LEAVE ||
                   lease->asked == LEASE_CLAIM || lease->asked_token == lease->token);
    if (lease->asked == LEASE_LOOK)
        lease->due_ns =
            wanted || lease->state == LEASE_IDLE ? time_add(now_ns, third_ns(lease)) : now_ns;
    else if (!wanted)
        on_stale(lease, now_ns, reply);
    else if (lease->asked == LEASE_LOAD)
        on_load(lease, now_ns, reply);
    else if (lease->asked == LEASE_RENEW)
        on_renew(lease, now_ns, reply);
    else if (lease->asked == LEASE_LEAVE)
        on_leave(lease, now_ns, reply);
    else
        on_beat(lease, now_ns, reply);
}
