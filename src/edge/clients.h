/* SPDX-License-Identifier: MIT
 * What each client address may use: connections at the same time, and requests a second (a token
 * bucket: so many may come at once, then at the rate). One table for all threads, with a fixed
 * number of places; an address is an IPv4 address or an IPv6 /64, which is what one customer gets.
 * Of the addresses without a connection the one longest silent makes room. */
#ifndef FOREWARM_EDGE_CLIENTS_H
#define FOREWARM_EDGE_CLIENTS_H

#include "base/err.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLIENTS_PLACES = 1 << 14, CLIENTS_WAYS = 8 };

struct client_limits {
    int64_t connections;   /* 0: any number */
    double requests_per_s; /* 0: any rate */
    int64_t burst;         /* requests at once */
};

struct clients;
FW_MUST_CHECK enum fw_err clients_create(struct clients **clients);
struct clients *clients_retain(struct clients *clients);
void clients_release(struct clients **clients);

/* A connection begins. Its place, to be given to the others; CLIENTS_REFUSED: it has too many. Any
 * thread. */
#define CLIENTS_REFUSED UINT32_MAX
uint32_t clients_enter(struct clients *clients, const struct client_limits *limits,
                       const struct sockaddr_storage *address, int64_t now_ns);
void clients_leave(struct clients *clients, uint32_t place);
/* A request of it: 0 if it may be served, else the time until it may, in ns. */
int64_t clients_request(struct clients *clients, const struct client_limits *limits, uint32_t place,
                        int64_t now_ns);

#endif
