/* SPDX-License-Identifier: MIT */
#include "edge/store/lease_wire.h"
#include "base/time.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 640, NUMBER_MAX = 24, FIELDS = 8 };

bool lease_wire_put(struct redis_link *link, const char *node, const char *scope, int64_t lease_ns,
                    const struct lease_ask *ask)
{
    char flight[KEY_MAX], users[KEY_MAX], order[KEY_MAX], number[NUMBER_MAX], lease[NUMBER_MAX],
        token[NUMBER_MAX], following[NUMBER_MAX], not_there[NUMBER_MAX];
    snprintf(flight, sizeof flight, "forewarm:flight:%s", scope);
    snprintf(users, sizeof users, "forewarm:users:%s", scope);
    snprintf(order, sizeof order, "forewarm:order:%s", node);
    snprintf(number, sizeof number, "%" PRIu64, ++link->number);
    snprintf(lease, sizeof lease, "%" PRId64, lease_ns / TIME_MILLISECOND);
    snprintf(token, sizeof token, "%" PRIu64, ask->token);
    snprintf(following, sizeof following, "%" PRIu64, ask->following);
    snprintf(not_there, sizeof not_there, "%" PRIu64, ask->not_there);
    const char *words[] = {"EVALSHA",
                           link->script,
                           "4",
                           "forewarm:epoch",
                           flight,
                           users,
                           order,
                           lease_op_name(ask->op),
                           node,
                           link->run,
                           lease,
                           token,
                           following,
                           not_there,
                           ask->phase ? ask->phase : "cold",
                           ask->reason ? ask->reason : "",
                           number};
    return redisAppendCommandArgv(link->context, sizeof words / sizeof words[0], words, NULL) ==
           REDIS_OK;
}

static bool verdict_of(const redisReply *text, enum lease_verdict *verdict)
{
    static const char *const names[] = {"ok",   "granted", "joined", "held",
                                        "wait", "failed",  "others", "lost"};
    for (size_t i = 0; text->type == REDIS_REPLY_STRING && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text->str, names[i]) == 0) {
            *verdict = (enum lease_verdict)i;
            return true;
        }
    return false;
}

/* "name#nonce" is shown as "name"; the nonce is for Redis alone. */
static void take_text(const redisReply *from, char *to, size_t size)
{
    snprintf(to, size, "%s", from->type == REDIS_REPLY_STRING ? from->str : "");
}

static bool take_fields(const redisReply *answer, struct lease_reply *reply)
{
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != FIELDS)
        return false;
    redisReply **field = answer->element;
    for (int i = 1; i <= 3; i++)
        if (field[i]->type != REDIS_REPLY_INTEGER)
            return false;
    reply->token = (uint64_t)field[1]->integer;
    reply->others = (uint32_t)field[2]->integer;
    reply->wait_ns = field[3]->integer * TIME_MILLISECOND;
    take_text(field[4], reply->holder, sizeof reply->holder);
    take_text(field[5], reply->by, sizeof reply->by);
    take_text(field[6], reply->phase, sizeof reply->phase);
    take_text(field[7], reply->reason, sizeof reply->reason);
    return verdict_of(field[0], &reply->verdict);
}

enum fw_err lease_wire_take(struct redis_link *link, struct lease_reply *reply,
                            struct fw_detail *detail)
{
    memset(reply, 0, sizeof *reply);
    redisReply *answer = redis_link_reply(link, detail);
    if (!answer)
        return FW_UNREACHABLE;
    bool understood = take_fields(answer, reply);
    freeReplyObject(answer);
    return understood ? FW_OK
                      : err_set(detail, FW_FOREIGN,
                                "Redis at %s:%u answered what its script cannot have said",
                                link->address.host, link->address.port);
}
