/* SPDX-License-Identifier: MIT
 * What forewarms tell each other besides leases: arrivals, in a stream of bounded length, and that
 * they are there. */
#include "edge/fleet_part.h"
#include "edge/store/lease_wire.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM "forewarm:arrivals"
#define NODES  "forewarm:nodes"
enum { NUMBER_MAX = 24 };

/* ---- telling ---- */

static uint32_t take_told(struct fleet *fleet, struct fleet_told told[FLEET_SEND_MAX])
{
    uint32_t count = 0;
    pthread_mutex_lock(&fleet->lock);
    int64_t now_ns = fleet_now_ns();
    while (fleet->told_count > 0 && count < FLEET_SEND_MAX) {
        told[count] = fleet->told[fleet->told_first];
        fleet->told_first = (fleet->told_first + 1) % FLEET_ARRIVALS_MAX;
        fleet->told_count--;
        if (now_ns - told[count].at_ns > FLEET_STALE_NS)
            fleet->counts.dropped++; /* of use only while it was news */
        else
            count++;
    }
    pthread_mutex_unlock(&fleet->lock);
    return count;
}

static bool append_arrival(struct fleet *fleet, const struct fleet_arrival *arrival)
{
    char kept[NUMBER_MAX], session[NUMBER_MAX];
    snprintf(kept, sizeof kept, "%d", FLEET_STREAM_KEPT);
    snprintf(session, sizeof session, "%" PRIu64, arrival->session);
    const char *words[] = {"XADD", STREAM,      "MAXLEN", "~",         kept, "*",
                           "n",    fleet->node, "r",      arrival->id, "s",  session};
    return redisAppendCommandArgv(fleet->link.context, sizeof words / sizeof words[0], words,
                                  NULL) == REDIS_OK;
}

enum fw_err fleet_tell(struct fleet *fleet, struct fw_detail *detail)
{
    struct fleet_told *told = calloc(FLEET_SEND_MAX, sizeof *told);
    uint32_t count = told ? take_told(fleet, told) : 0, sent = 0;
    enum fw_err err = FW_OK;
    for (uint32_t i = 0; i < count && err == FW_OK; i++)
        if (!append_arrival(fleet, &told[i].arrival))
            err = err_set(detail, FW_NOMEM, "not enough memory for a request to Redis");
    for (uint32_t i = 0; i < count && err == FW_OK; i++) {
        redisReply *reply = redis_link_reply(&fleet->link, detail);
        if (reply)
            freeReplyObject(reply);
        err = reply ? FW_OK : FW_UNREACHABLE;
        sent += reply != NULL;
    }
    free(told);
    pthread_mutex_lock(&fleet->lock);
    fleet->counts.sent += sent;
    fleet->counts.dropped += count - sent;
    pthread_mutex_unlock(&fleet->lock);
    return err;
}

/* ---- hearing ---- */

static const char *field_of(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->type == REDIS_REPLY_STRING &&
            fields->element[i + 1]->type == REDIS_REPLY_STRING &&
            strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

/* True: somebody else's, and whole. */
static bool take_entry(struct fleet *fleet, const redisReply *entry, struct fleet_arrival *arrival)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    const redisReply *fields = entry->element[1];
    const char *id = field_of(fields, "r");
    snprintf(fleet->last_id, sizeof fleet->last_id, "%s", entry->element[0]->str);
    snprintf(arrival->id, sizeof arrival->id, "%s", id);
    return strcmp(field_of(fields, "n"), fleet->node) != 0 && id[0] &&
           strlen(id) < sizeof arrival->id &&
           str_to_uint64(str_of(field_of(fields, "s")), &arrival->session);
}

static void take_entries(struct fleet *fleet, const redisReply *reply)
{
    uint32_t count = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        reply->element[0]->type != REDIS_REPLY_ARRAY || reply->element[0]->elements != 2)
        return;
    const redisReply *entries = reply->element[0]->element[1];
    for (size_t i = 0; entries->type == REDIS_REPLY_ARRAY && i < entries->elements; i++)
        if (count < FLEET_READ_MAX)
            count += take_entry(fleet, entries->element[i], &fleet->heard[count]);
    if (count == 0)
        return;
    pthread_mutex_lock(&fleet->lock);
    fleet->counts.taken += count;
    pthread_mutex_unlock(&fleet->lock);
    atomic_store(&fleet->taking, true);
    fleet->take(fleet->take_context, fleet->heard, count);
}

enum fw_err fleet_hear(struct fleet *fleet, struct fw_detail *detail)
{
    char count[NUMBER_MAX];
    if (atomic_load(&fleet->taking) || fleet->last_id[0] == 0)
        return FW_OK; /* the brain is behind: the stream waits */
    snprintf(count, sizeof count, "%d", FLEET_READ_MAX);
    const struct str words[] = {STR("XREAD"),   STR("COUNT"), str_of(count),
                                STR("STREAMS"), STR(STREAM),  str_of(fleet->last_id)};
    redisReply *reply = redis_link_command(&fleet->link, 6, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    take_entries(fleet, reply);
    freeReplyObject(reply);
    return FW_OK;
}

/* ---- being there ---- */

static enum fw_err redis_time_ms(struct fleet *fleet, int64_t *now_ms, struct fw_detail *detail)
{
    const struct str words[] = {STR("TIME")};
    int64_t seconds = 0, micros = 0;
    redisReply *reply = redis_link_command(&fleet->link, 1, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    bool told = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                str_to_int64(str_of(reply->element[0]->str), &seconds) &&
                str_to_int64(str_of(reply->element[1]->str), &micros);
    freeReplyObject(reply);
    *now_ms = seconds * 1000 + micros / 1000;
    return told ? FW_OK : err_set(detail, FW_FOREIGN, "Redis does not tell its time");
}

/* Reading begins with now; after an absence, with what is still news. */
static void begin_reading(struct fleet *fleet, int64_t now_ms)
{
    int64_t last_ms = 0, stale_ms = now_ms - FLEET_STALE_NS / TIME_MILLISECOND;
    struct str rest = str_of(fleet->last_id), first;
    bool begun = str_cut(&rest, '-', &first) && str_to_int64(first, &last_ms);
    if (!begun || last_ms < stale_ms || last_ms > now_ms)
        snprintf(fleet->last_id, sizeof fleet->last_id, "%" PRId64 "-0",
                 begun && last_ms <= now_ms ? stale_ms : now_ms);
}

static void take_names(struct fleet *fleet, const redisReply *reply)
{
    pthread_mutex_lock(&fleet->lock);
    fleet->names.count = 0;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING && fleet->names.count < FLEET_NODES_SHOWN)
            snprintf(fleet->names.names[fleet->names.count++], LEASE_NODE_MAX, "%s",
                     reply->element[i]->str);
    pthread_mutex_unlock(&fleet->lock);
}

enum fw_err fleet_meet(struct fleet *fleet, struct fw_detail *detail)
{
    char until[NUMBER_MAX], now[NUMBER_MAX];
    int64_t now_ms = 0;
    FW_TRY(redis_time_ms(fleet, &now_ms, detail));
    begin_reading(fleet, now_ms);
    snprintf(now, sizeof now, "%" PRId64, now_ms);
    snprintf(until, sizeof until, "%" PRId64, now_ms + fleet->settings.lease_ns / TIME_MILLISECOND);
    const struct str add[] = {STR("ZADD"), STR(NODES), str_of(until), str_of(fleet->name)};
    const struct str drop[] = {STR("ZREMRANGEBYSCORE"), STR(NODES), STR("-inf"), str_of(now)};
    const struct str list[] = {STR("ZRANGE"), STR(NODES), STR("0"), STR("-1")};
    const struct {
        const struct str *words;
        int count;
    } commands[] = {{add, 4}, {drop, 4}, {list, 4}};
    for (size_t i = 0; i < 3; i++) {
        redisReply *reply =
            redis_link_command(&fleet->link, commands[i].count, commands[i].words, detail);
        if (!reply)
            return FW_UNREACHABLE;
        if (i == 2)
            take_names(fleet, reply);
        freeReplyObject(reply);
    }
    return FW_OK;
}

/* At a clean end: nobody has to wait for a lease of ours to run out. */
void fleet_depart(struct fleet *fleet)
{
    const struct lease_ask bye = {.op = LEASE_BYE, .phase = "cold", .reason = ""};
    const struct str gone[] = {STR("ZREM"), STR(NODES), str_of(fleet->name)};
    struct lease_reply reply;
    struct fw_detail detail = {{0}};
    bool told = true;
    for (struct fleet_seat *seat = fleet->seats; seat && told; seat = seat->next)
        told = lease_wire_put(&fleet->link, fleet->node, seat->scope, fleet->settings.lease_ns,
                              &bye) &&
               lease_wire_take(&fleet->link, &reply, &detail) == FW_OK;
    redisReply *answer = told ? redis_link_command(&fleet->link, 3, gone, &detail) : NULL;
    if (answer)
        freeReplyObject(answer);
}
