/* SPDX-License-Identifier: MIT
 * Leases over a network that loses and delays, with nodes and a Redis that crash: 200 seeds. What
 * is checked stands in check_* and knows nothing of how a lease works inside. */
#include "edge/store/lease.h"
#include "base/prng.h"
#include "base/time.h"
#include "lease_model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS       TIME_MILLISECOND
#define STEP     (2 * MS)
#define LEASE    (900 * MS)
#define TIMEOUT  (LEASE / 4)
#define STOPPING (LEASE / 3 - 20 * MS) /* what a site needs at most to stop a load */
#define NEVER    INT64_MAX
#define STORM    (40 * TIME_SECOND) /* faults until then, then quiet */
#define END      (60 * TIME_SECOND)
enum { SEEDS = 200, NODES_MAX = 5, FLIGHTS_MAX = 12 };

enum doing { REST, WAIT, LOAD, STOP, PROBE, WARM, LEAVE, UNLOAD };

struct message {
    struct lease_ask ask;
    char reason[LEASE_REASON_MAX];
    struct lease_reply reply;
    int64_t arrives, replies; /* NEVER: lost on the way */
    bool used, executed, awaited;
    uint64_t number;
};

struct node {
    char name[LEASE_NODE_MAX];
    struct lease lease;
    int64_t contact, cut_until, crashed_until, until, look_at, healthy_since;
    enum doing doing;
    bool wanted, fenced;
    uint64_t token;
    struct message messages[FLIGHTS_MAX];
    int64_t timeout_at;
    uint32_t lives;
    uint64_t sent_number, seen_number; /* the latest request; the latest that Redis saw */
};

struct sim {
    struct prng prng;
    struct lease_settings settings;
    struct model redis, saved;
    struct node nodes[NODES_MAX];
    int count;
    int64_t now, redis_down_until, idle_since, redis_since;
    bool dies_with_loader, loaded, storm;
    int loader;
    uint64_t last_token;
    uint64_t loads, joins, alone, takeovers, crashes, restarts, cuts, losses;
    char failure[200];
};

static double chance(struct sim *s)
{
    return prng_uniform(&s->prng);
}

static int64_t between(struct sim *s, int64_t low, int64_t high)
{
    return low + (int64_t)(chance(s) * (double)(high - low));
}

#define FAIL(s, ...)                                                                               \
    do {                                                                                           \
        if ((s)->failure[0] == 0)                                                                  \
            snprintf((s)->failure, sizeof(s)->failure, __VA_ARGS__);                               \
    } while (0)

/* ---- the network and Redis ---- */

static bool redis_up(const struct sim *s)
{
    return s->now >= s->redis_down_until;
}

static bool reaches(const struct sim *s, const struct node *n)
{
    return s->now >= n->cut_until && redis_up(s);
}

static int64_t travel(struct sim *s)
{
    double kind = s->storm ? chance(s) : 0.5;
    if (kind < 0.04) {
        s->losses++;
        return NEVER;
    }
    return s->now + (kind < 0.1 ? between(s, 20 * MS, 2 * LEASE) : between(s, 0, 4 * MS));
}

static void send_ask(struct sim *s, struct node *n, const struct lease_ask *ask)
{
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        struct message *m = &n->messages[i];
        if (m->used)
            continue;
        *m = (struct message){.ask = *ask, .used = true, .awaited = true, .arrives = travel(s)};
        m->number = ++n->sent_number;
        snprintf(m->reason, sizeof m->reason, "%s", ask->reason);
        break;
    }
    n->timeout_at = s->now + TIMEOUT;
}

static void move_message(struct sim *s, struct node *n, struct message *m)
{
    if (!m->executed) {
        if (m->arrives > s->now)
            return;
        if (!reaches(s, n) || m->number <= n->seen_number) {
            m->used = false;
            return;
        }
        n->seen_number = m->number;
        m->ask.reason = m->reason;
        model_eval(&s->redis, n->name, s->now / MS, LEASE / MS, &m->ask, &m->reply);
        m->executed = true;
        m->replies = travel(s);
        m->used = m->awaited;
    }
    if (m->replies > s->now)
        return;
    m->used = false;
    if (!m->awaited || s->now < n->cut_until)
        return;
    n->contact = s->now;
    n->timeout_at = NEVER;
    lease_answered(&n->lease, s->now, &m->reply);
}

static void network(struct sim *s, struct node *n)
{
    for (int i = 0; i < FLIGHTS_MAX; i++)
        if (n->messages[i].used)
            move_message(s, n, &n->messages[i]);
    if (s->now < n->timeout_at)
        return;
    /* Given up here; it may still reach Redis. */
    n->timeout_at = NEVER;
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        n->messages[i].awaited = false;
        if (n->messages[i].executed || n->messages[i].arrives == NEVER)
            n->messages[i].used = false;
    }
    lease_unanswered(&n->lease, s->now);
}

/* ---- faults ---- */

static void start_node(struct sim *s, struct node *n)
{
    int index = (int)(n - s->nodes);
    uint32_t lives = n->lives + 1;
    memset(n, 0, sizeof *n);
    n->lives = lives;
    snprintf(n->name, sizeof n->name, "node%d#%u", index, lives);
    n->contact = n->healthy_since = s->now;
    n->timeout_at = NEVER;
    lease_init(&n->lease, &s->settings, &n->contact);
}

static void crash(struct sim *s, struct node *n)
{
    s->crashes++;
    if (s->dies_with_loader && s->loader == (int)(n - s->nodes))
        s->loaded = false;
    start_node(s, n);
    n->crashed_until = s->now + between(s, 0, 3 * TIME_SECOND);
}

static void restart_redis(struct sim *s)
{
    s->restarts++;
    s->redis_down_until = s->now + between(s, 0, 3 * LEASE);
    uint64_t run = s->redis.run + 1;
    double kind = chance(s);
    if (kind < 0.4)
        memset(&s->redis, 0, sizeof s->redis);
    else if (kind < 0.7)
        s->redis = s->saved;
    s->redis.run = run;
    s->redis_since = s->redis_down_until;
    for (int i = 0; i < s->count; i++)
        for (int j = 0; j < FLIGHTS_MAX; j++)
            s->nodes[i].messages[j].used &= s->nodes[i].messages[j].executed;
}

static void faults(struct sim *s)
{
    struct node *n = &s->nodes[prng_below(&s->prng, (uint64_t)s->count)];
    double kind = chance(s) * (double)(TIME_SECOND / STEP);
    if (kind < 0.25 && s->now >= n->crashed_until)
        crash(s, n);
    else if (kind < 0.45) {
        n->cut_until = s->now + between(s, 0, 4 * LEASE);
        s->cuts++;
    } else if (kind < 0.55 && redis_up(s))
        restart_redis(s);
    else if (kind < 1.0)
        s->saved = s->redis;
    else if (kind < 1.8)
        n->wanted = !n->wanted;
}

/* ---- a site ---- */

static void begin_load(struct sim *s, struct node *n)
{
    n->fenced = n->lease.state == LEASE_LOADING;
    n->token = n->lease.token;
    n->doing = LOAD;
    n->until = s->now + between(s, 10 * MS, 3 * LEASE);
    s->loads += n->fenced;
    s->alone += !n->fenced;
    if (!n->fenced && s->now - n->contact < LEASE)
        FAIL(s, "%s loads alone %lld ms after Redis answered", n->name,
             (long long)((s->now - n->contact) / MS));
    if (n->fenced && n->token <= s->last_token)
        FAIL(s, "%s loads with token %llu after %llu", n->name, (unsigned long long)n->token,
             (unsigned long long)s->last_token);
    if (n->fenced)
        s->last_token = n->token;
}

static void ask_again(struct sim *s, struct node *n, bool not_there)
{
    lease_load(&n->lease, s->now, not_there);
    n->doing = WAIT;
}

static void wait_step(struct sim *s, struct node *n)
{
    if (!n->wanted && chance(s) < 0.01) {
        lease_failed(&n->lease, s->now, NULL);
        n->doing = REST;
    } else if (n->lease.state == LEASE_LOADING || n->lease.state == LEASE_ALONE) {
        begin_load(s, n);
    } else if (n->lease.state == LEASE_JOINED) {
        s->joins++;
        n->doing = PROBE;
        n->until = s->now + between(s, 5 * MS, 100 * MS);
    } else if (n->lease.state == LEASE_REFUSED || n->lease.state == LEASE_LOST) {
        ask_again(s, n, false);
    }
}

static void load_step(struct sim *s, struct node *n)
{
    if (n->lease.state == LEASE_LOADING && !n->fenced) { /* got its lease while it loaded alone */
        n->fenced = true;
        n->token = n->lease.token;
        s->last_token = n->token > s->last_token ? n->token : s->last_token;
    }
    if (!lease_valid(&n->lease, s->now)) {
        n->doing = STOP;
        n->until = s->now + between(s, 0, STOPPING);
    } else if (s->now >= n->until) {
        if (s->storm && chance(s) < 0.2) {
            lease_failed(&n->lease, s->now, chance(s) < 0.5 ? "out of memory" : NULL);
            n->doing = REST;
            return;
        }
        assert_true(lease_proven(&n->lease, s->now));
        s->loaded = true;
        s->loader = (int)(n - s->nodes);
        n->doing = WARM;
        n->look_at = s->now + LEASE / 2;
    }
}

static void warm_step(struct sim *s, struct node *n)
{
    if (n->lease.state == LEASE_TAKEN) {
        n->doing = REST;
    } else if (s->now >= n->look_at && !s->loaded) {
        lease_gone(&n->lease, s->now);
        n->doing = REST;
    } else if (!n->wanted) {
        lease_leave(&n->lease, s->now);
        n->doing = LEAVE;
    }
    n->look_at = s->now >= n->look_at ? s->now + LEASE / 2 : n->look_at;
}

static void leave_step(struct sim *s, struct node *n)
{
    if (n->lease.state == LEASE_LEFT) {
        lease_unloaded(&n->lease, s->now);
        n->doing = REST;
    } else if (n->lease.state == LEASE_UNLOADING) {
        n->fenced = n->lease.token != 0;
        n->doing = UNLOAD;
        n->until = s->now + between(s, MS, LEASE / 2);
    }
}

static void site_step(struct sim *s, struct node *n)
{
    switch (n->doing) {
    case REST:
        if (n->wanted)
            ask_again(s, n, false);
        break;
    case WAIT:
        wait_step(s, n);
        break;
    case LOAD:
        load_step(s, n);
        break;
    case STOP:
        if (s->now >= n->until)
            ask_again(s, n, false);
        break;
    case PROBE:
        if (n->lease.state == LEASE_LOST) {
            ask_again(s, n, false);
        } else if (s->now >= n->until && !s->loaded) {
            ask_again(s, n, true);
        } else if (s->now >= n->until) {
            assert_true(lease_proven(&n->lease, s->now));
            n->doing = WARM;
            n->look_at = s->now + LEASE / 2;
        }
        break;
    case WARM:
        warm_step(s, n);
        break;
    case LEAVE:
        leave_step(s, n);
        break;
    case UNLOAD:
        n->fenced &= n->lease.token != 0;
        if (s->now >= n->until) {
            s->loaded = false;
            lease_unloaded(&n->lease, s->now);
            n->doing = REST;
        }
        break;
    }
}

/* ---- checks ---- */

/* At most one at a time that holds a token, and nobody unloads under it. */
static void check_one_at_a_time(struct sim *s)
{
    int busy = 0;
    const char *who[2] = {"", ""};
    for (int i = 0; i < s->count; i++) {
        const struct node *n = &s->nodes[i];
        bool holds = n->fenced && (n->doing == LOAD || n->doing == STOP || n->doing == UNLOAD);
        if (!holds || s->now < n->crashed_until)
            continue;
        who[busy > 0] = n->name;
        busy++;
    }
    if (busy > 1)
        FAIL(s, "%s and %s load or unload at the same time", who[0], who[1]);
}

/* Somebody has asked Redis without trouble for a lease time and a second, and nobody does anything
 * about it. */
static void check_somebody_loads(struct sim *s)
{
    int64_t asks_since = NEVER;
    bool busy = false;
    for (int i = 0; i < s->count; i++) {
        struct node *n = &s->nodes[i];
        bool up = s->now >= n->crashed_until;
        busy |= up && (n->doing == LOAD || n->doing == UNLOAD || n->doing == WARM ||
                       n->doing == PROBE || n->doing == STOP || n->doing == LEAVE);
        bool late = s->now - n->contact > 3 * LEASE / 20; /* this one's network is in trouble */
        if (!up || !reaches(s, n) || n->doing != WAIT || late)
            n->healthy_since = s->now;
        else if (n->healthy_since < asks_since)
            asks_since = n->healthy_since;
    }
    if (busy || asks_since == NEVER)
        s->idle_since = s->now;
    int64_t since = s->idle_since > asks_since ? s->idle_since : asks_since;
    int64_t quiet = s->now - s->redis_since < 3 * LEASE ? LEASE : 0; /* it has just started */
    if (since != NEVER && s->now - since > LEASE + TIME_SECOND + quiet)
        FAIL(s, "nobody loads for %lld ms", (long long)((s->now - since) / MS));
}

static void check_all_are_warm(struct sim *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->nodes[i].doing != WARM)
            FAIL(s, "%s is not warm at the end but %s", s->nodes[i].name,
                 lease_state_name(s->nodes[i].lease.state));
}

/* ---- one seed ---- */

static void node_step(struct sim *s, struct node *n)
{
    struct lease_ask ask;
    if (s->now < n->crashed_until)
        return;
    if (!s->storm)
        n->wanted = true;
    network(s, n);
    lease_tick(&n->lease, s->now);
    site_step(s, n);
    if (lease_next(&n->lease, s->now, &ask))
        send_ask(s, n, &ask);
    assert_true(lease_deadline(&n->lease) > s->now || n->lease.waiting ||
                lease_deadline(&n->lease) <= s->now + STEP);
}

static void run(struct sim *s, uint64_t seed, bool alone)
{
    memset(s, 0, sizeof *s);
    prng_init(&s->prng, seed);
    s->settings = (struct lease_settings){.lease_ns = LEASE, .alone = alone};
    s->count = 2 + (int)prng_below(&s->prng, NODES_MAX - 1);
    s->dies_with_loader = chance(s) < 0.5;
    s->redis.run = 1;
    s->now = 1700000000 * TIME_SECOND;
    s->redis_since = s->now;
    for (int i = 0; i < s->count; i++) {
        start_node(s, &s->nodes[i]);
        s->nodes[i].wanted = chance(s) < 0.7;
    }
}

static void drive(struct sim *s)
{
    int64_t begin = s->now;
    for (int64_t t = 0; t < END && s->failure[0] == 0; t += STEP) {
        s->now = begin + t;
        s->storm = t < STORM;
        if (s->storm)
            faults(s);
        for (int i = 0; i < s->count; i++)
            node_step(s, &s->nodes[i]);
        check_one_at_a_time(s);
        check_somebody_loads(s);
    }
    check_all_are_warm(s);
}

static void storms(bool alone)
{
    static struct sim s;
    struct sim sum = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(&s, seed, alone);
        drive(&s);
        if (s.failure[0])
            fail_msg("seed %llu: %s at %lld ms", (unsigned long long)seed, s.failure,
                     (long long)(s.now / MS - 1700000000000));
        sum.loads += s.loads, sum.joins += s.joins, sum.alone += s.alone;
        sum.crashes += s.crashes, sum.restarts += s.restarts, sum.cuts += s.cuts;
        sum.losses += s.losses;
    }
    print_message("%d seeds: %llu loads, %llu joined, %llu alone; %llu crashes, %llu restarts of "
                  "Redis, %llu cuts, %llu messages lost\n",
                  SEEDS, (unsigned long long)sum.loads, (unsigned long long)sum.joins,
                  (unsigned long long)sum.alone, (unsigned long long)sum.crashes,
                  (unsigned long long)sum.restarts, (unsigned long long)sum.cuts,
                  (unsigned long long)sum.losses);
    assert_true(sum.loads > SEEDS && sum.joins > SEEDS && sum.crashes > SEEDS);
    assert_true(alone ? sum.alone > 0 : sum.alone == 0);
}

static void one_load_at_a_time_in_200_storms(void **state)
{
    (void)state;
    storms(false);
}

static void who_goes_on_alone_waits_a_lease_time_in_200_storms(void **state)
{
    (void)state;
    storms(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_load_at_a_time_in_200_storms),
        cmocka_unit_test(who_goes_on_alone_waits_a_lease_time_in_200_storms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
