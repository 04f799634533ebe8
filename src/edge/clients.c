/* SPDX-License-Identifier: MIT */
#include "edge/clients.h"
#include "base/check.h"
#include "base/str.h"
#include "base/time.h"
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 9, STRIPES = 64, SETS = CLIENTS_PLACES / CLIENTS_WAYS };

struct client {
    unsigned char key[KEY_BYTES]; /* family, then the address or its /64 */
    bool known;
    uint32_t connections;
    double tokens; /* requests that it may send now, as of seen_ns */
    int64_t seen_ns;
};

struct clients {
    _Atomic unsigned references;
    uint64_t seed; /* so that nobody can choose addresses that meet in one set */
    pthread_mutex_t locks[STRIPES];
    struct client places[CLIENTS_PLACES];
};

enum fw_err clients_create(struct clients **clients)
{
    *clients = calloc(1, sizeof **clients);
    if (!*clients)
        return FW_NOMEM;
    for (int i = 0; i < STRIPES; i++)
        CHECK(pthread_mutex_init(&(*clients)->locks[i], NULL) == 0);
    CHECK(RAND_bytes((unsigned char *)&(*clients)->seed, sizeof(*clients)->seed) == 1);
    atomic_store(&(*clients)->references, 1);
    return FW_OK;
}

struct clients *clients_retain(struct clients *clients)
{
    atomic_fetch_add(&clients->references, 1);
    return clients;
}

void clients_release(struct clients **out)
{
    struct clients *clients = *out;
    *out = NULL;
    if (!clients || atomic_fetch_sub(&clients->references, 1) != 1)
        return;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&clients->locks[i]);
    free(clients);
}

static void make_key(const struct sockaddr_storage *address, unsigned char key[KEY_BYTES])
{
    memset(key, 0, KEY_BYTES);
    if (address->ss_family == AF_INET) {
        key[0] = 4;
        memcpy(key + 1, &((const struct sockaddr_in *)address)->sin_addr, 4);
        return;
    }
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(in6)) {
        key[0] = 4;
        memcpy(key + 1, in6->s6_addr + 12, 4);
    } else if (address->ss_family == AF_INET6) {
        key[0] = 6;
        memcpy(key + 1, in6->s6_addr, 8);
    }
}

static pthread_mutex_t *lock_of(struct clients *clients, uint32_t set)
{
    pthread_mutex_t *lock = &clients->locks[set % STRIPES];
    pthread_mutex_lock(lock);
    return lock;
}

/* The client's place in its set, a free one, or that of the one longest silent. Where all have
 * connections it shares the place of the last of them. */
static struct client *find(struct client *set, const unsigned char *key)
{
    struct client *best = NULL;
    for (int i = 0; i < CLIENTS_WAYS; i++)
        if (set[i].known && memcmp(set[i].key, key, KEY_BYTES) == 0)
            return &set[i];
    for (int i = 0; i < CLIENTS_WAYS; i++) {
        if (set[i].connections > 0)
            continue;
        if (!best || !set[i].known || (best->known && set[i].seen_ns < best->seen_ns))
            best = &set[i];
    }
    return best ? best : &set[CLIENTS_WAYS - 1];
}

static void refill(struct client *client, const struct client_limits *limits, int64_t now_ns)
{
    double gained = time_to_seconds(now_ns - client->seen_ns) * limits->requests_per_s;
    if (gained <= 0) /* another thread's clock is a little ahead */
        return;
    client->tokens += gained;
    if (client->tokens > (double)limits->burst)
        client->tokens = (double)limits->burst;
    client->seen_ns = now_ns;
}

uint32_t clients_enter(struct clients *clients, const struct client_limits *limits,
                       const struct sockaddr_storage *address, int64_t now_ns)
{
    unsigned char key[KEY_BYTES];
    make_key(address, key);
    uint32_t set = (uint32_t)(str_hash((const char *)key, KEY_BYTES, clients->seed) % SETS);
    struct client *first = &clients->places[set * CLIENTS_WAYS];
    pthread_mutex_t *lock = lock_of(clients, set);
    struct client *client = find(first, key);
    uint32_t place = CLIENTS_REFUSED;
    if (client->connections == 0 && (!client->known || memcmp(client->key, key, KEY_BYTES) != 0)) {
        memcpy(client->key, key, KEY_BYTES);
        client->known = true;
        client->tokens = (double)limits->burst;
        client->seen_ns = now_ns;
    }
    if (limits->connections == 0 || client->connections < (uint64_t)limits->connections) {
        client->connections++;
        place = set * CLIENTS_WAYS + (uint32_t)(client - first);
    }
    pthread_mutex_unlock(lock);
    return place;
}

void clients_leave(struct clients *clients, uint32_t place)
{
    pthread_mutex_t *lock = lock_of(clients, place / CLIENTS_WAYS);
    CHECK(clients->places[place].connections > 0);
    clients->places[place].connections--;
    pthread_mutex_unlock(lock);
}

int64_t clients_request(struct clients *clients, const struct client_limits *limits, uint32_t place,
                        int64_t now_ns)
{
    int64_t wait_ns = 0;
    if (limits->requests_per_s <= 0)
        return 0;
    pthread_mutex_t *lock = lock_of(clients, place / CLIENTS_WAYS);
    struct client *client = &clients->places[place];
    refill(client, limits, now_ns);
    if (client->tokens >= 1)
        client->tokens -= 1;
    else
        wait_ns = time_from_seconds((1 - client->tokens) / limits->requests_per_s);
    pthread_mutex_unlock(lock);
    return wait_ns > 0 ? wait_ns : 0;
}
