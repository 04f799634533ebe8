/* SPDX-License-Identifier: MIT
 * What is learned of a resource at the edge, as the bytes that stores keep. */
#include "edge/store/store.h"

static void put_recent(struct buf *out, const struct stats_recent *recent)
{
    buf_put_u32(out, recent->count);
    for (int i = 0; i < STATS_RECENT_MAX; i++)
        buf_put_i64(out, recent->values[i]);
}

static void get_recent(struct buf_reader *in, struct stats_recent *recent)
{
    recent->count = buf_get_u32(in);
    for (int i = 0; i < STATS_RECENT_MAX; i++)
        recent->values[i] = buf_get_i64(in);
}

void store_learned_put(struct buf *out, const struct site_learned *learned)
{
    put_recent(out, &learned->probe_ns);
    put_recent(out, &learned->load_ns);
    put_recent(out, &learned->verify_ns);
}

bool store_learned_get(const void *data, int len, struct site_learned *learned)
{
    struct buf_reader in = {.data = data, .len = len > 0 ? (size_t)len : 0};
    get_recent(&in, &learned->probe_ns);
    get_recent(&in, &learned->load_ns);
    get_recent(&in, &learned->verify_ns);
    return !in.failed && in.at == in.len;
}
