/* SPDX-License-Identifier: MIT
 * One log for all who share that Redis: a stream, so that all read it in the same order. Ids are
 * judged and facts added by one script, in one step. */
#include "base/check.h"
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/store/redis_link.h"
#include "edge/store/store_runs.h"
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS (5 * TIME_SECOND)
#define IDS        "forewarm:runs:ids"
#define LOG        "forewarm:runs:log"
#define STATE      "forewarm:runs:state"
enum { BATCH_MAX = 256, BATCH_BYTES = 8 << 20, READ_MAX = 1024, VERSION = 1, FIXED_WORDS = 6 };

extern const char runs_append_script[], runs_save_script[];

struct redis_runs {
    struct store_runs runs;
    struct redis_link link;
};

static redisReply *ask(struct redis_runs *redis, int count, const struct str *words,
                       struct fw_detail *detail)
{
    if (redis_link_open(&redis->link, jobs_now_ns(), detail) != FW_OK)
        return NULL;
    redisReply *reply = redis_link_command(&redis->link, count, words, detail);
    if (!reply)
        redis_link_drop(&redis->link, jobs_now_ns());
    return reply;
}

static struct str text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct str){reply->str, reply->len}
                                             : (struct str){"", 0};
}

/* ---- places ---- */

enum { PLACE_MAX = 48 };

static struct str place_text(const struct store_runs_at *at, char text[PLACE_MAX])
{
    int len = snprintf(text, PLACE_MAX, "%llu-%llu", (unsigned long long)at->major,
                       (unsigned long long)at->minor);
    return (struct str){text, (size_t)len};
}

static bool place_read(struct str text, struct store_runs_at *at)
{
    struct str major;
    return str_cut(&text, '-', &major) && str_to_uint64(major, &at->major) &&
           str_to_uint64(text, &at->minor);
}

static bool place_before(const struct store_runs_at *a, const struct store_runs_at *b)
{
    return a->major < b->major || (a->major == b->major && a->minor < b->minor);
}

static enum fw_err damaged(struct redis_runs *redis, const char *what, struct fw_detail *detail)
{
    return err_set(detail, FW_CORRUPT,
                   "state: Redis at %s:%u: %s is not what a forewarm writes: delete it to start "
                   "afresh, or name another database",
                   redis->link.address.host, redis->link.address.port, what);
}

/* ---- appending ---- */

static enum fw_err append_some(struct redis_runs *redis, struct store_run *batch, size_t count,
                               struct fw_detail *detail)
{
    struct str words[FIXED_WORDS + 2 * BATCH_MAX] = {
        STR("EVAL"), str_of(runs_append_script), STR("2"), STR(IDS), STR(LOG), STR("1000000")};
    _Static_assert(FIXED_WORDS + 2 * BATCH_MAX <= REDIS_WORDS_MAX, "one command");
    _Static_assert(STORE_RUNS_IDS == 1000 * 1000, "as the script is told");
    for (size_t i = 0; i < count; i++) {
        words[FIXED_WORDS + 2 * i] = batch[i].id;
        words[FIXED_WORDS + 2 * i + 1] = batch[i].facts;
    }
    redisReply *reply = ask(redis, FIXED_WORDS + 2 * (int)count, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    enum fw_err err = reply->type == REDIS_REPLY_ARRAY && reply->elements == count
                          ? FW_OK
                          : damaged(redis, IDS, detail);
    for (size_t i = 0; i < count && err == FW_OK; i++)
        batch[i].known = reply->element[i]->integer != 0;
    freeReplyObject(reply);
    return err;
}

static enum fw_err append(struct store_runs *runs, struct store_run *batch, size_t count,
                          struct fw_detail *detail)
{
    struct redis_runs *redis = (struct redis_runs *)runs;
    for (size_t from = 0, to; from < count; from = to) {
        size_t bytes = 0;
        for (to = from; to < count && to - from < BATCH_MAX && bytes < BATCH_BYTES; to++)
            bytes += batch[to].facts.len;
        FW_TRY(append_some(redis, batch + from, to - from, detail));
    }
    return FW_OK;
}

/* ---- reading ---- */

/* Has the log been cut behind us? */
static enum fw_err check_start(struct redis_runs *redis, const struct store_runs_at *at,
                               struct fw_detail *detail)
{
    const struct str words[] = {STR("HGET"), STR(STATE), STR("from")};
    struct store_runs_at from = {0, 0};
    redisReply *reply = ask(redis, 3, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    bool there = reply->type == REDIS_REPLY_STRING,
         ok = !there || place_read(text_of(reply), &from);
    freeReplyObject(reply);
    if (!ok)
        return damaged(redis, STATE, detail);
    return place_before(at, &from) ? FW_NOT_FOUND : FW_OK;
}

static bool take_entry(const redisReply *entry, struct store_runs_at *at, store_run_fn *fn,
                       void *context)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !place_read(text_of(entry->element[0]), at))
        return false;
    const redisReply *fields = entry->element[1];
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2)
        return false;
    fn(context, text_of(fields->element[1]));
    return true;
}

/* Of one stream: its name and a list. NULL: it is something else. */
static const redisReply *entries_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
        return NULL;
    const redisReply *stream = reply->element[0];
    if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 ||
        stream->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    return stream->element[1];
}

static enum fw_err read_runs(struct store_runs *runs, struct store_runs_at *at, store_run_fn *fn,
                             void *context, bool *more, struct fw_detail *detail)
{
    struct redis_runs *redis = (struct redis_runs *)runs;
    char from[PLACE_MAX], most[STR_NUMBER_MAX];
    snprintf(most, sizeof most, "%d", READ_MAX);
    *more = false;
    FW_TRY(check_start(redis, at, detail));
    const struct str words[] = {STR("XREAD"),   STR("COUNT"), str_of(most),
                                STR("STREAMS"), STR(LOG),     place_text(at, from)};
    redisReply *reply = ask(redis, 6, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    const redisReply *entries = entries_of(reply);
    enum fw_err err =
        entries || reply->type == REDIS_REPLY_NIL ? FW_OK : damaged(redis, LOG, detail);
    for (size_t i = 0; entries && err == FW_OK && i < entries->elements; i++)
        if (!take_entry(entries->element[i], at, fn, context))
            err = damaged(redis, LOG, detail);
    *more = err == FW_OK && entries && entries->elements == READ_MAX;
    freeReplyObject(reply);
    return err;
}

static enum fw_err take_state(struct redis_runs *redis, const redisReply *reply,
                              struct store_runs_at *at, struct buf *state, struct fw_detail *detail)
{
    uint64_t version = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return damaged(redis, STATE, detail);
    if (reply->element[0]->type == REDIS_REPLY_NIL)
        return FW_OK; /* nothing yet */
    if (!str_to_uint64(text_of(reply->element[0]), &version) ||
        !place_read(text_of(reply->element[1]), at))
        return damaged(redis, STATE, detail);
    if (version > VERSION)
        return err_set(detail, FW_VERSION,
                       "state: Redis at %s:%u: " STATE " was written by a newer forewarm: use that "
                       "version, or another database",
                       redis->link.address.host, redis->link.address.port);
    buf_add_str(state, text_of(reply->element[2]));
    return state->failed ? FW_NOMEM : FW_OK;
}

static enum fw_err load(struct store_runs *runs, struct store_runs_at *at, struct buf *state,
                        struct fw_detail *detail)
{
    struct redis_runs *redis = (struct redis_runs *)runs;
    const struct str words[] = {STR("HMGET"), STR(STATE), STR("version"), STR("at"), STR("state")};
    *at = (struct store_runs_at){0, 0};
    redisReply *reply = ask(redis, 5, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    enum fw_err err = take_state(redis, reply, at, state, detail);
    freeReplyObject(reply);
    return err;
}

static enum fw_err save(struct store_runs *runs, const struct store_runs_at *at, struct str state,
                        struct fw_detail *detail)
{
    struct redis_runs *redis = (struct redis_runs *)runs;
    char place[PLACE_MAX], version[STR_NUMBER_MAX];
    snprintf(version, sizeof version, "%d", VERSION);
    const struct str words[] = {
        STR("EVAL"),     str_of(runs_save_script), STR("2"), STR(STATE), STR(LOG),
        str_of(version), place_text(at, place),    state};
    redisReply *reply = ask(redis, 8, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    freeReplyObject(reply);
    return FW_OK;
}

static void close_runs(struct store_runs *runs)
{
    struct redis_runs *redis = (struct redis_runs *)runs;
    redis_link_fini(&redis->link);
    free(redis);
}

enum fw_err store_runs_redis(struct store_runs **out, const char *url, const char *password_file,
                             struct fw_detail *detail)
{
    static const struct store_runs_ops ops = {load, append, read_runs, save, close_runs};
    struct redis_address address;
    FW_TRY(redis_address_parse(&address, url, detail));
    struct redis_runs *redis = calloc(1, sizeof *redis);
    if (!redis)
        return FW_NOMEM;
    redis->runs.ops = &ops;
    redis->runs.shared = true;
    redis_link_init(&redis->link, &address, password_file, TIMEOUT_NS);
    *out = &redis->runs;
    return FW_OK;
}
