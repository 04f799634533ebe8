/* SPDX-License-Identifier: MIT
 * Any bytes as the engine's snapshot: refused, or an engine that works and saves again. Once more
 * with the checksum made right, so that what lies behind it is reached: then it must be refused or
 * save again. */
#include "base/check.h"
#include "core/engine.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { HEADER_LEN = 28, SNAPSHOT_MAX = 1 << 24 };

static struct engine *make_engine(void)
{
    struct engine_settings settings;
    struct engine *engine = NULL;
    option_defaults(engine_option_rows, engine_option_count, &settings);
    settings.max_resources = 64;
    settings.max_sessions = 64;
    CHECK(engine_create(&engine, &settings, NULL, NULL) == FW_OK);
    return engine;
}

static void use(struct engine *engine)
{
    struct action_list actions = {0};
    int64_t now_ns = INT64_C(1) << 61;
    engine_forget_world(engine, now_ns);
    const struct event event = {.kind = EVENT_TIME, .at_ns = now_ns};
    CHECK(engine_step(engine, &event, &actions) == FW_OK);
    for (uint32_t i = 0; i < engine_resource_count(engine); i++) {
        struct resource_view view;
        engine_view(engine, i, now_ns, &view);
        CHECK(view.state == RESOURCE_COLD);
    }
    action_list_fini(&actions);
}

static void save(const struct engine *engine)
{
    struct buf out;
    buf_init(&out, SNAPSHOT_MAX);
    CHECK(engine_save(engine, &out) == FW_OK);
    buf_fini(&out);
}

static void try_load(const uint8_t *data, size_t len, bool as_it_was)
{
    struct engine *engine = make_engine();
    struct fw_detail detail = {{0}};
    enum fw_err err = engine_load(engine, data, len, &detail);
    if (err == FW_OK && as_it_was)
        use(engine);
    if (err == FW_OK)
        save(engine);
    else
        CHECK(err == FW_NOMEM || detail.text[0]);
    engine_destroy(&engine);
}

/* Of the format as it is now: a fresh engine's snapshot tells. */
static uint32_t version_now(void)
{
    struct engine *engine = make_engine();
    struct buf out;
    buf_init(&out, SNAPSHOT_MAX);
    CHECK(engine_save(engine, &out) == FW_OK);
    struct buf_reader in = {.data = (const uint8_t *)out.data, .len = out.len, .at = 8};
    uint32_t version = buf_get_u32(&in);
    buf_fini(&out);
    engine_destroy(&engine);
    return version;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    try_load(data, len, true);
    if (len < HEADER_LEN)
        return 0;
    uint8_t *copy = malloc(len);
    CHECK(copy);
    memcpy(copy, data, len);
    static uint32_t version;
    version = version ? version : version_now();
    uint64_t body = len - HEADER_LEN, hash = str_hash(copy + HEADER_LEN, body, version);
    for (int i = 0; i < 4; i++)
        copy[8 + i] = (uint8_t)(version >> (8 * i));
    for (int i = 0; i < 8; i++) {
        copy[12 + i] = (uint8_t)(body >> (8 * i));
        copy[20 + i] = (uint8_t)(hash >> (8 * i));
    }
    try_load(copy, len, false);
    free(copy);
    return 0;
}
