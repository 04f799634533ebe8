/* SPDX-License-Identifier: MIT */
#include "edge/nonces.h"
#include "base/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, FIRST_KEPT = 256 };

struct kept {
    unsigned char nonce[NONCE_BYTES];
    int64_t time_ms;
    uint32_t next; /* in its bucket; index + 1, 0 none */
};

/* A ring in the order of arrival, and chains by the nonce's first bytes, which are random. The
 * ring grows to what the edge's rate needs. */
struct edge {
    char name[NAME_MAX_BYTES + 1];
    int64_t floor_ms;
    uint32_t first, count, capacity;
    struct kept *ring;
    uint32_t *buckets; /* as many as the ring has places */
    struct edge *next;
};

struct nonces {
    pthread_mutex_t lock;
    _Atomic unsigned references;
    int64_t start_ms;
    struct edge *edges;
    size_t edge_count;
};

enum fw_err nonces_create(struct nonces **nonces, int64_t start_ms)
{
    *nonces = calloc(1, sizeof **nonces);
    if (!*nonces)
        return FW_NOMEM;
    CHECK(pthread_mutex_init(&(*nonces)->lock, NULL) == 0);
    atomic_store(&(*nonces)->references, 1);
    (*nonces)->start_ms = start_ms;
    return FW_OK;
}

struct nonces *nonces_retain(struct nonces *nonces)
{
    atomic_fetch_add(&nonces->references, 1);
    return nonces;
}

void nonces_release(struct nonces **out)
{
    struct nonces *nonces = *out;
    *out = NULL;
    if (!nonces || atomic_fetch_sub(&nonces->references, 1) != 1)
        return;
    while (nonces->edges) {
        struct edge *edge = nonces->edges;
        nonces->edges = edge->next;
        free(edge->ring);
        free(edge->buckets);
        free(edge);
    }
    pthread_mutex_destroy(&nonces->lock);
    free(nonces);
}

/* The configuration names the edges, so there are few; one that is gone from it stays. */
static struct edge *find_edge(struct nonces *nonces, struct str name)
{
    for (struct edge *edge = nonces->edges; edge; edge = edge->next)
        if (str_equal(str_of(edge->name), name))
            return edge;
    if (nonces->edge_count >= NONCES_EDGES_MAX || name.len > NAME_MAX_BYTES)
        return NULL;
    struct edge *edge = calloc(1, sizeof *edge);
    if (!edge)
        return NULL;
    memcpy(edge->name, name.data, name.len);
    edge->floor_ms = nonces->start_ms;
    edge->next = nonces->edges;
    nonces->edges = edge;
    nonces->edge_count++;
    return edge;
}

static uint32_t *bucket_of(struct edge *edge, const unsigned char *nonce)
{
    uint32_t hash;
    memcpy(&hash, nonce, sizeof hash);
    return &edge->buckets[hash & (edge->capacity - 1)];
}

static bool seen(struct edge *edge, const unsigned char *nonce)
{
    if (edge->capacity == 0)
        return false;
    for (uint32_t at = *bucket_of(edge, nonce); at > 0; at = edge->ring[at - 1].next)
        if (memcmp(edge->ring[at - 1].nonce, nonce, NONCE_BYTES) == 0)
            return true;
    return false;
}

static void forget_oldest(struct edge *edge)
{
    struct kept *oldest = &edge->ring[edge->first];
    uint32_t *link = bucket_of(edge, oldest->nonce);
    while (*link != edge->first + 1)
        link = &edge->ring[*link - 1].next;
    *link = oldest->next;
    edge->first = (edge->first + 1) & (edge->capacity - 1);
    edge->count--;
}

static void put(struct edge *edge, const unsigned char *nonce, int64_t time_ms)
{
    uint32_t at = (edge->first + edge->count++) & (edge->capacity - 1);
    uint32_t *bucket = bucket_of(edge, nonce);
    memcpy(edge->ring[at].nonce, nonce, NONCE_BYTES);
    edge->ring[at].time_ms = time_ms;
    edge->ring[at].next = *bucket;
    *bucket = at + 1;
}

static bool grow(struct edge *edge)
{
    uint32_t capacity = edge->capacity > 0 ? edge->capacity * 2 : FIRST_KEPT;
    struct edge bigger = {.capacity = capacity,
                          .ring = calloc(capacity, sizeof *bigger.ring),
                          .buckets = calloc(capacity, sizeof *bigger.buckets)};
    if (!bigger.ring || !bigger.buckets) {
        free(bigger.ring);
        free(bigger.buckets);
        return false;
    }
    for (uint32_t i = 0; i < edge->count; i++) {
        const struct kept *kept = &edge->ring[(edge->first + i) & (edge->capacity - 1)];
        put(&bigger, kept->nonce, kept->time_ms);
    }
    free(edge->ring);
    free(edge->buckets);
    edge->ring = bigger.ring;
    edge->buckets = bigger.buckets;
    edge->capacity = capacity;
    edge->first = 0;
    return true;
}

static enum nonces_answer take(struct edge *edge, const unsigned char *nonce, int64_t time_ms,
                               int64_t keep_ms)
{
    if (time_ms < edge->floor_ms)
        return NONCES_BELOW_FLOOR;
    if (seen(edge, nonce))
        return NONCES_SEEN;
    while (edge->count > 0 && edge->ring[edge->first].time_ms < keep_ms)
        forget_oldest(edge);
    if (edge->count == edge->capacity && edge->capacity < NONCES_KEPT && !grow(edge))
        return NONCES_NO_MEMORY;
    if (edge->count == edge->capacity) {
        int64_t above_ms = edge->ring[edge->first].time_ms + 1;
        if (above_ms > edge->floor_ms)
            edge->floor_ms = above_ms;
        forget_oldest(edge);
    }
    put(edge, nonce, time_ms);
    return NONCES_NEW;
}

enum nonces_answer nonces_take(struct nonces *nonces, struct str edge,
                               const unsigned char nonce[NONCE_BYTES], int64_t time_ms,
                               int64_t keep_ms)
{
    enum nonces_answer answer = NONCES_NO_MEMORY;
    pthread_mutex_lock(&nonces->lock);
    struct edge *found = find_edge(nonces, edge);
    if (found)
        answer = take(found, nonce, time_ms, keep_ms);
    pthread_mutex_unlock(&nonces->lock);
    return answer;
}
