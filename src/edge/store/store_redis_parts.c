/* SPDX-License-Identifier: MIT
 * Parts in Redis: a hash for each kind, a field for each part. */
#include "edge/jobs.h"
#include "edge/store/store_redis.h"
#include <stdio.h>

enum { KEY_MAX = 96 };

static struct str key_of(const char *kind, char key[KEY_MAX])
{
    int len = snprintf(key, KEY_MAX, "forewarm:parts:%s", kind);
    return (struct str){key, (size_t)len};
}

static enum fw_err put_one(struct redis_store *store, struct str key, const struct store_part *part,
                           struct fw_detail *detail)
{
    bool kept = part->data.len > 0;
    const struct str words[] = {kept ? STR("HSET") : STR("HDEL"), key, str_of(part->name),
                                part->data};
    redisReply *reply = redis_link_command(&store->link, kept ? 4 : 3, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    freeReplyObject(reply);
    return FW_OK;
}

enum fw_err redis_put_parts(struct store *base, const char *kind, const struct store_part *parts,
                            size_t count, struct fw_detail *detail)
{
    struct redis_store *store = (struct redis_store *)base;
    char text[KEY_MAX];
    struct str key = key_of(kind, text);
    pthread_mutex_lock(&store->lock);
    enum fw_err err = redis_link_open(&store->link, jobs_now_ns(), detail);
    if (err == FW_OK) {
        err = redis_may_write(store, detail);
        for (size_t i = 0; i < count && err == FW_OK; i++)
            err = put_one(store, key, &parts[i], detail);
        if (err == FW_UNREACHABLE)
            redis_link_drop(&store->link, jobs_now_ns());
    }
    pthread_mutex_unlock(&store->lock);
    return err;
}

static void take_fields(const redisReply *reply, store_part_fn *take, void *context)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *data = reply->element[i + 1];
        if (name->type == REDIS_REPLY_STRING && data->type == REDIS_REPLY_STRING)
            take(context, name->str, (struct str){data->str, data->len});
    }
}

enum fw_err redis_get_parts(struct store *base, const char *kind, store_part_fn *take,
                            void *context, struct fw_detail *detail)
{
    struct redis_store *store = (struct redis_store *)base;
    char key[KEY_MAX];
    const struct str words[] = {STR("HGETALL"), key_of(kind, key)};
    pthread_mutex_lock(&store->lock);
    enum fw_err err = redis_link_open(&store->link, jobs_now_ns(), detail);
    redisReply *reply = err == FW_OK ? redis_link_command(&store->link, 2, words, detail) : NULL;
    if (err == FW_OK && !reply) {
        redis_link_drop(&store->link, jobs_now_ns());
        err = FW_UNREACHABLE;
    }
    pthread_mutex_unlock(&store->lock);
    if (reply) {
        take_fields(reply, take, context);
        freeReplyObject(reply);
    }
    return err == FW_UNREACHABLE ? FW_OK : err; /* alone; `fleet` says so */
}
