/* SPDX-License-Identifier: MIT
 * What lease.lua does, in C, with its time handed in: the simulation's Redis. test_lease_redis.c
 * holds the two to each other. */
#ifndef FOREWARM_TEST_LEASE_MODEL_H
#define FOREWARM_TEST_LEASE_MODEL_H

#include "edge/store/lease.h"
#include <stdio.h>
#include <string.h>

enum { MODEL_NODES = 8 };

struct model {
    uint64_t run, seen_run; /* which start it is; which one the epoch key says (0: none) */
    int64_t since_ms;
    /* one resource's flight */
    uint64_t token;
    char holder[LEASE_NODE_MAX], by[LEASE_NODE_MAX], phase[16], reason[LEASE_REASON_MAX];
    int64_t until_ms;
    struct {
        char node[LEASE_NODE_MAX];
        int64_t until_ms; /* 0: free */
    } users[MODEL_NODES];
};

static inline uint32_t model_others(const struct model *m, const char *node)
{
    uint32_t count = 0;
    for (int i = 0; i < MODEL_NODES; i++)
        count += m->users[i].until_ms > 0 && strcmp(m->users[i].node, node) != 0;
    return count;
}

static inline void model_drop_user(struct model *m, const char *node)
{
    for (int i = 0; i < MODEL_NODES; i++)
        if (m->users[i].until_ms > 0 && strcmp(m->users[i].node, node) == 0)
            m->users[i].until_ms = 0;
}

static inline void model_use(struct model *m, const char *node, int64_t until_ms)
{
    model_drop_user(m, node);
    for (int i = 0; i < MODEL_NODES; i++)
        if (m->users[i].until_ms == 0) {
            snprintf(m->users[i].node, sizeof m->users[i].node, "%s", node);
            m->users[i].until_ms = until_ms;
            return;
        }
}

static inline void model_let_go(struct model *m, const char *phase)
{
    m->holder[0] = 0;
    m->until_ms = 0;
    snprintf(m->phase, sizeof m->phase, "%s", phase);
}

static inline void model_grant(struct model *m, const char *node, uint64_t known, int64_t now_ms,
                               int64_t lease_ms, const char *phase)
{
    m->token++;
    m->token = known + 1 > m->token ? known + 1 : m->token;
    m->token = (uint64_t)now_ms > m->token ? (uint64_t)now_ms : m->token;
    snprintf(m->holder, sizeof m->holder, "%s", node);
    snprintf(m->by, sizeof m->by, "%s", node);
    snprintf(m->phase, sizeof m->phase, "%s", phase);
    m->reason[0] = 0;
    m->until_ms = now_ms + lease_ms;
    model_drop_user(m, node);
}

/* What a call of the script has at hand. */
struct model_call {
    struct model *m;
    const char *node;
    const struct lease_ask *ask;
    int64_t now_ms, lease_ms;
    bool held, mine, quiet, proven;
};

static inline enum lease_verdict model_load(struct model_call *c)
{
    struct model *m = c->m;
    if (c->held && !c->mine)
        return LEASE_IS_HELD;
    if (!c->held && c->proven && model_others(m, c->node) > 0 && m->token != c->ask->not_there) {
        model_use(m, c->node, c->now_ms + c->lease_ms);
        return LEASE_IS_JOINED;
    }
    if (!c->held && strcmp(m->phase, "failed") == 0 && c->ask->following > 0 &&
        m->token == c->ask->following)
        return LEASE_IS_FAILED;
    if (c->quiet)
        return LEASE_IS_WAIT;
    model_grant(m, c->node, c->ask->token, c->now_ms, c->lease_ms, "loading");
    return LEASE_IS_GRANTED;
}

static inline enum lease_verdict model_renew(struct model_call *c)
{
    struct model *m = c->m;
    if (m->token == c->ask->token && c->mine) {
        m->until_ms = c->now_ms + c->lease_ms;
        return LEASE_IS_OK;
    }
    if (m->token >= c->ask->token)
        return LEASE_IS_LOST;
    m->token = c->ask->token;
    snprintf(m->holder, sizeof m->holder, "%s", c->node);
    snprintf(m->by, sizeof m->by, "%s", c->node);
    snprintf(m->phase, sizeof m->phase, "%s", c->ask->phase);
    m->reason[0] = 0;
    m->until_ms = c->now_ms + c->lease_ms;
    return LEASE_IS_OK;
}

static inline enum lease_verdict model_proven(struct model_call *c)
{
    struct model *m = c->m;
    if (!(m->token == c->ask->token && (c->mine || c->proven)) && m->token >= c->ask->token)
        return LEASE_IS_LOST;
    m->token = c->ask->token;
    snprintf(m->by, sizeof m->by, "%s", c->node);
    m->reason[0] = 0;
    model_let_go(m, "proven");
    model_use(m, c->node, c->now_ms + c->lease_ms);
    return LEASE_IS_OK;
}

static inline enum lease_verdict model_beat(struct model_call *c)
{
    struct model *m = c->m;
    if (!(c->proven && m->token >= c->ask->token)) {
        if (m->token >= c->ask->token || c->held)
            return LEASE_IS_LOST;
        m->token = c->ask->token;
        snprintf(m->by, sizeof m->by, "%s", c->node);
        model_let_go(m, "proven");
    }
    model_use(m, c->node, c->now_ms + c->lease_ms);
    return LEASE_IS_OK;
}

static inline enum lease_verdict model_claim(struct model_call *c)
{
    struct model *m = c->m;
    if (c->held && !c->mine)
        return LEASE_IS_HELD;
    if (!(c->proven && model_others(m, c->node) > 0)) {
        if (c->quiet)
            return LEASE_IS_WAIT;
        model_grant(m, c->node, c->ask->token, c->now_ms, c->lease_ms, "proven");
        model_let_go(m, "proven");
    }
    model_use(m, c->node, c->now_ms + c->lease_ms);
    return LEASE_IS_OK;
}

static inline enum lease_verdict model_leave(struct model_call *c)
{
    struct model *m = c->m;
    model_drop_user(m, c->node);
    if ((c->held && !c->mine) || (!c->held && c->proven && model_others(m, c->node) > 0))
        return LEASE_IS_OTHERS;
    if (c->quiet)
        return LEASE_IS_WAIT;
    model_grant(m, c->node, c->ask->token, c->now_ms, c->lease_ms, "unloading");
    return LEASE_IS_GRANTED;
}

static inline enum lease_verdict model_op(struct model_call *c)
{
    struct model *m = c->m;
    switch (c->ask->op) {
    case LEASE_LOAD:
        return model_load(c);
    case LEASE_RENEW:
        return model_renew(c);
    case LEASE_PROVEN:
        return model_proven(c);
    case LEASE_FAILED:
    case LEASE_UNLOADED:
        if (m->token == c->ask->token && c->mine) {
            snprintf(m->reason, sizeof m->reason, "%s", c->ask->reason);
            model_let_go(m, c->ask->phase);
        }
        return LEASE_IS_OK;
    case LEASE_BEAT:
        return model_beat(c);
    case LEASE_CLAIM:
        return model_claim(c);
    case LEASE_LEAVE:
        return model_leave(c);
    case LEASE_GONE:
        if (m->token == c->ask->token && c->proven) {
            memset(m->users, 0, sizeof m->users);
            model_let_go(m, "cold");
        }
        return LEASE_IS_OK;
    case LEASE_BYE:
        model_drop_user(m, c->node);
        if (c->mine)
            model_let_go(m, "cold");
        return LEASE_IS_OK;
    default:
        return LEASE_IS_OK;
    }
}

static inline void model_eval(struct model *m, const char *node, int64_t now_ms, int64_t lease_ms,
                              const struct lease_ask *ask, struct lease_reply *reply)
{
    if (m->seen_run != m->run || m->since_ms > now_ms) {
        m->seen_run = m->run;
        m->since_ms = now_ms;
    }
    if (m->phase[0] == 0)
        snprintf(m->phase, sizeof m->phase, "cold");
    int64_t quiet_ms = m->since_ms + lease_ms - now_ms;
    for (int i = 0; i < MODEL_NODES; i++)
        if (m->users[i].until_ms <= now_ms)
            m->users[i].until_ms = 0;
    struct model_call call = {.m = m,
                              .node = node,
                              .ask = ask,
                              .now_ms = now_ms,
                              .lease_ms = lease_ms,
                              .held = m->holder[0] && m->until_ms > now_ms,
                              .mine = strcmp(m->holder, node) == 0,
                              .quiet = quiet_ms > 0,
                              .proven = strcmp(m->phase, "proven") == 0};
    memset(reply, 0, sizeof *reply);
    reply->verdict = model_op(&call);
    reply->token = m->token;
    reply->others = model_others(m, node);
    reply->wait_ns = quiet_ms > 0 ? quiet_ms * 1000000 : 0;
    memcpy(reply->holder, m->holder, sizeof reply->holder);
    memcpy(reply->by, m->by, sizeof reply->by);
    memcpy(reply->phase, m->phase, sizeof reply->phase);
    memcpy(reply->reason, m->reason, sizeof reply->reason);
}

#endif
