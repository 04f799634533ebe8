/* SPDX-License-Identifier: MIT
 * What holds warming back, in the snapshot. */
#include "core/coder.h"
#include "core/state.h"

static void code_spending(struct coder *coder, struct spending *spent)
{
    code_i64(coder, &spent->hour_bin);
    code_i64(coder, &spent->day_bin);
    for (int i = 0; i < RESTRAINT_HOUR_BINS; i++) {
        code_u32(coder, &spent->warmups[i]);
        code_i64(coder, &spent->hour_ns[i]);
    }
    for (int i = 0; i < RESTRAINT_DAY_BINS; i++)
        code_i64(coder, &spent->day_ns[i]);
    if (spent->hour_bin < 0 || spent->day_bin < 0)
        coder_fail(coder);
}

static void code_own(struct engine *engine, struct coder *coder, struct restraint *own)
{
    code_i64(coder, &own->budget.warmups);
    code_i64(coder, &own->budget.loading_ns);
    code_double(coder, &own->budget.usd);
    code_u32(coder, &own->server);
    code_spending(coder, &own->spent);
    code_i64(coder, &own->reserved_ns);
    for (int i = 0; i < DECLINE_COUNT; i++)
        code_u64(coder, &own->declined[i]);
    code_u32(coder, &own->said);
    code_i64(coder, &own->said_until_ns);
    code_i64(coder, &own->yields_since_ns);
    code_i64(coder, &own->yielded_ns);
    if (own->server > engine->server_count || own->said >= REASON_COUNT ||
        !(own->budget.usd >= 0 && own->budget.usd <= 1e9))
        coder_fail(coder);
}

static void code_servers(struct engine *engine, struct coder *coder)
{
    uint32_t count = engine->server_count;
    code_count(coder, &count, RESTRAINT_SERVERS_MAX);
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        struct server server = {0};
        uint32_t number = 0;
        if (!coder->in)
            server = engine->servers[i];
        code_u32(coder, &server.id);
        code_u32(coder, &server.failures);
        code_u32(coder, &server.failed);
        code_bool(coder, &server.several);
        code_u32(coder, &server.trying);
        code_i64(coder, &server.open_until_ns);
        if (!coder->in)
            continue;
        if (coder_failed(coder) || restraint_server(engine, server.id, &number) != FW_OK ||
            number != i + 1)
            coder_fail(coder);
        else
            engine->servers[i] = server;
    }
}

void restraint_code_all(struct engine *engine, struct coder *coder)
{
    code_spending(coder, &engine->spent);
    code_i64(coder, &engine->reserved_ns);
    code_servers(engine, coder);
    for (uint32_t i = 0; i < engine->resource_count && !coder_failed(coder); i++) {
        struct resource *resource = &engine->resources[i];
        uint8_t present = resource->restraint != NULL;
        code_u8(coder, &present);
        if (coder->in && present && !restraint_make(engine, resource))
            coder_fail(coder);
        if (present && !coder_failed(coder))
            code_own(engine, coder, resource->restraint);
    }
}
