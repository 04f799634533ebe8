/* SPDX-License-Identifier: MIT
 * One connection to Redis, for one thread: made when it is needed, given up at the first trouble,
 * tried again with growing pauses. Every call has a time limit. */
#ifndef FOREWARM_EDGE_REDIS_LINK_H
#define FOREWARM_EDGE_REDIS_LINK_H

#include "base/err.h"
#include "base/str.h"
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

enum { REDIS_SECRET_MAX = 512, REDIS_RUN_MAX = 64, REDIS_SHA_MAX = 41, REDIS_WORDS_MAX = 520 };

/* redis://HOST:PORT/DB, taken apart. */
struct redis_address {
    char host[256]; /* without brackets for IPv6 */
    uint16_t port;
    uint32_t database;
};
/* The rest after HOST may be absent: port 6379, database 0. FW_INPUT, also for a password in it. */
FW_MUST_CHECK enum fw_err redis_address_parse(struct redis_address *address, const char *url,
                                              struct fw_detail *detail);

struct redis_link {
    struct redis_address address;
    const char *password_file; /* "" none; read anew for each connection */
    int64_t timeout_ns;        /* for connecting, and for each answer */
    redisContext *context;     /* NULL: not connected */
    char run[REDIS_RUN_MAX];   /* which start of Redis it is connected to */
    char script[REDIS_SHA_MAX];
    uint64_t number;            /* of the latest request, over all connections */
    int64_t retry_ns, pause_ns; /* monotonic: not connected to before */
};

void redis_link_init(struct redis_link *link, const struct redis_address *address,
                     const char *password_file, int64_t timeout_ns);
void redis_link_fini(struct redis_link *link);
/* Connected now, or connects if it is time to try. FW_UNREACHABLE, FW_UNAUTHORIZED,
 * FW_UNSUPPORTED; the detail never holds a secret. */
FW_MUST_CHECK enum fw_err redis_link_open(struct redis_link *link, int64_t now_ns,
                                          struct fw_detail *detail);
/* Gives the connection up: after any error that left it undecided. */
void redis_link_drop(struct redis_link *link, int64_t now_ns);

/* The answer to the oldest command appended to link->context; NULL: the connection broke or Redis
 * refused, the detail says why. Freed with freeReplyObject. */
redisReply *redis_link_reply(struct redis_link *link, struct fw_detail *detail);
/* One command of at most REDIS_WORDS_MAX words, and its answer. */
redisReply *redis_link_command(struct redis_link *link, int count, const struct str *words,
                               struct fw_detail *detail);

#endif
