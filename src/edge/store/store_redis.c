/* SPDX-License-Identifier: MIT
 * The learned state of a fleet: one snapshot in one hash, written whole. The engine's part carries
 * its own version and checksum; the hash's version is about what stands around it. */
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/store/store_redis.h"
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS (2 * TIME_SECOND)
#define KEY        "forewarm:state"
enum { VERSION = 1, RESOURCES_MAX = 1 << 20, FIELD_MAX = 1 << 28 };

/* ---- fields ---- */

static void put_learned(struct buf *out, const struct store_content *content)
{
    struct buf one;
    buf_init(&one, STORE_LEARNED_MAX);
    buf_put_u32(out, content->resource_count);
    for (uint32_t i = 0; i < content->resource_count; i++) {
        buf_clear(&one);
        store_learned_put(&one, &content->resources[i].learned);
        buf_put_str(out, str_of(content->resources[i].id));
        buf_put_str(out, buf_str(&one));
    }
    buf_fini(&one);
}

static bool get_learned(struct str bytes, struct store_content *content)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    uint32_t count = buf_get_u32(&in);
    if (in.failed || count > RESOURCES_MAX || count > bytes.len)
        return false;
    content->resources = calloc(count + 1, sizeof *content->resources);
    for (uint32_t i = 0; content->resources && i < count; i++) {
        struct store_resource *resource = &content->resources[i];
        struct str id = buf_get_str(&in), learned = buf_get_str(&in);
        if (in.failed || id.len >= sizeof resource->id ||
            !store_learned_get(learned.data, (int)learned.len, &resource->learned))
            return false;
        memcpy(resource->id, id.data, id.len);
        content->resource_count++;
    }
    return content->resources && in.at == in.len;
}

static void put_sources(struct buf *out, const struct store_content *content)
{
    buf_put_u32(out, content->source_count);
    for (uint32_t i = 0; i < content->source_count; i++)
        buf_put_str(out, str_of(content->sources[i]));
}

static bool get_sources(struct str bytes, struct store_content *content)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    uint32_t count = buf_get_u32(&in);
    if (in.failed || count > STORE_SOURCES_MAX)
        return false;
    content->sources = calloc(count + 1, sizeof *content->sources);
    for (uint32_t i = 0; content->sources && i < count; i++) {
        struct str name = buf_get_str(&in);
        if (in.failed || !(content->sources[i] = strndup(name.data, name.len)))
            return false;
        content->source_count++;
    }
    return content->sources && in.at == in.len;
}

/* ---- loading ---- */

static struct str text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct str){reply->str, reply->len}
                                             : (struct str){"", 0};
}

static enum fw_err take(struct redis_store *store, const redisReply *reply,
                        struct store_content *content, struct fw_detail *detail)
{
    const struct redis_address *from = &store->link.address;
    uint64_t version = 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return err_set(detail, FW_FOREIGN, "state: Redis at %s:%u: " KEY " is no hash", from->host,
                       from->port);
    redisReply **field = reply->element;
    if (field[0]->type == REDIS_REPLY_NIL)
        return FW_OK; /* nothing was kept yet */
    if (!str_to_uint64(text_of(field[0]), &version) || version > VERSION)
        return err_set(detail, FW_VERSION,
                       "state: Redis at %s:%u: " KEY " was written by a newer forewarm (version "
                       "%.*s, this one knows %d): use that version, or another database",
                       from->host, from->port, STR_ARG(text_of(field[0])), VERSION);
    struct str engine = text_of(field[2]);
    buf_add_str(&content->engine, engine);
    if (!str_to_int64(text_of(field[1]), &content->at_ns) || content->engine.failed ||
        !get_learned(text_of(field[3]), content) || !get_sources(text_of(field[4]), content))
        return err_set(detail, FW_CORRUPT,
                       "state: Redis at %s:%u: " KEY " is damaged: delete it to start afresh, or "
                       "name another database",
                       from->host, from->port);
    return FW_OK;
}

static enum fw_err fetch(struct redis_store *store, struct store_content *content,
                         struct fw_detail *detail)
{
    const struct str words[] = {STR("HMGET"),  STR(KEY),       STR("version"), STR("at"),
                                STR("engine"), STR("learned"), STR("sources")};
    FW_TRY(redis_link_open(&store->link, jobs_now_ns(), detail));
    redisReply *reply = redis_link_command(&store->link, 7, words, detail);
    if (!reply) {
        redis_link_drop(&store->link, jobs_now_ns());
        return FW_UNREACHABLE;
    }
    enum fw_err err = take(store, reply, content, detail);
    freeReplyObject(reply);
    store->read |= err == FW_OK;
    return err;
}

static enum fw_err load(struct store *base, struct store_content *content, struct fw_detail *detail)
{
    struct redis_store *store = (struct redis_store *)base;
    *content = (struct store_content){0};
    buf_init(&content->engine, STORE_SNAPSHOT_MAX);
    pthread_mutex_lock(&store->lock);
    enum fw_err err = fetch(store, content, detail);
    pthread_mutex_unlock(&store->lock);
    return err == FW_UNREACHABLE ? FW_OK : err; /* alone; `fleet` says so */
}

/* ---- saving ---- */

/* Begun without Redis: what the fleet has learned in the meantime is worth more than what we have.
 */
enum fw_err redis_may_write(struct redis_store *store, struct fw_detail *detail)
{
    const struct str words[] = {STR("EXISTS"), STR(KEY)};
    if (store->read)
        return FW_OK;
    redisReply *reply = redis_link_command(&store->link, 2, words, detail);
    if (!reply)
        return FW_UNREACHABLE;
    bool exists = reply->type != REDIS_REPLY_INTEGER || reply->integer != 0;
    freeReplyObject(reply);
    if (exists)
        return err_set(detail, FW_EXISTS,
                       "Redis did not answer when this forewarm began, and holds what others "
                       "learned: it is not written over; restart to begin with it");
    store->read = true;
    return FW_OK;
}

static enum fw_err write_all(struct redis_store *store, const struct store_content *content,
                             struct str learned, struct str sources, struct fw_detail *detail)
{
    char version[STR_NUMBER_MAX], at[STR_NUMBER_MAX];
    snprintf(version, sizeof version, "%d", VERSION);
    snprintf(at, sizeof at, "%lld", (long long)content->at_ns);
    const struct str words[] = {
        STR("HSET"),    STR(KEY),   STR("version"), str_of(version),
        STR("at"),      str_of(at), STR("engine"),  buf_str(&content->engine),
        STR("learned"), learned,    STR("sources"), sources};
    FW_TRY(redis_link_open(&store->link, jobs_now_ns(), detail));
    enum fw_err err = redis_may_write(store, detail);
    if (err == FW_EXISTS)
        return err;
    redisReply *reply = err == FW_OK ? redis_link_command(&store->link, 12, words, detail) : NULL;
    if (!reply) {
        redis_link_drop(&store->link, jobs_now_ns());
        return FW_UNREACHABLE;
    }
    freeReplyObject(reply);
    return FW_OK;
}

static enum fw_err save(struct store *base, const struct store_content *content,
                        struct fw_detail *detail)
{
    struct redis_store *store = (struct redis_store *)base;
    struct buf learned, sources;
    buf_init(&learned, FIELD_MAX);
    buf_init(&sources, FIELD_MAX);
    put_learned(&learned, content);
    put_sources(&sources, content);
    enum fw_err err = FW_NOMEM;
    pthread_mutex_lock(&store->lock);
    if (!learned.failed && !sources.failed)
        err = write_all(store, content, buf_str(&learned), buf_str(&sources), detail);
    pthread_mutex_unlock(&store->lock);
    buf_fini(&learned);
    buf_fini(&sources);
    return err;
}

static enum fw_err save_child(struct store *base, const char *id, const struct saved_child *child,
                              struct fw_detail *detail)
{
    (void)base, (void)id, (void)child, (void)detail;
    return FW_OK; /* it dies with us */
}

static void close_store(struct store *base)
{
    struct redis_store *store = (struct redis_store *)base;
    redis_link_fini(&store->link);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

enum fw_err store_redis_open(struct store **out, const char *url, const char *password_file,
                             struct fw_detail *detail)
{
    static const struct store_ops ops = {"redis",    true,       false,           load,
                                         save,       save_child, redis_put_parts, redis_get_parts,
                                         close_store};
    struct redis_address address;
    FW_TRY(redis_address_parse(&address, url, detail));
    struct redis_store *store = calloc(1, sizeof *store);
    if (!store)
        return FW_NOMEM;
    store->store.ops = &ops;
    redis_link_init(&store->link, &address, password_file, TIMEOUT_NS);
    pthread_mutex_init(&store->lock, NULL);
    *out = &store->store;
    return FW_OK;
}
