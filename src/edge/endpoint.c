/* SPDX-License-Identifier: MIT
 * Endpoints: a host and a port, and the addresses the name stands for. */
#include "edge/upstream_part.h"
#include <stdio.h>
#include <stdlib.h>

static void take_addresses(struct endpoint *endpoint, const struct addrinfo *found)
{
    endpoint->address_count = 0;
    for (; found && endpoint->address_count < UPSTREAM_ADDRESSES_MAX; found = found->ai_next) {
        struct sockaddr_storage *address = &endpoint->addresses[endpoint->address_count];
        if (found->ai_family == AF_INET) {
            memcpy(address, found->ai_addr, sizeof(struct sockaddr_in));
            ((struct sockaddr_in *)address)->sin_port = htons(endpoint->port);
        } else if (found->ai_family == AF_INET6) {
            memcpy(address, found->ai_addr, sizeof(struct sockaddr_in6));
            ((struct sockaddr_in6 *)address)->sin6_port = htons(endpoint->port);
        } else {
            continue;
        }
        endpoint->address_count++;
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct endpoint *endpoint = request->data;
    struct upstream_pool *pool = endpoint->pool;
    endpoint->resolving = false;
    if (status == 0)
        take_addresses(endpoint, found);
    uv_freeaddrinfo(found);
    bool ok = status == 0 && endpoint->address_count > 0;
    if (ok && !pool->destroyed)
        endpoint->resolved_until_ns = server_now(pool->server) + UPSTREAM_DNS_NS;
    while (endpoint->waiting) {
        struct upstream *upstream = endpoint->waiting;
        upstream_list_remove(
            upstream); /* NOLINT(clang-analyzer-unix.Malloc): the last one left the list */
        upstream_list_add(&pool->busy, upstream);
        if (ok)
            upstream_connect(upstream);
        else
            upstream_report_failed(upstream, FW_UNREACHABLE, "its name cannot be resolved");
    }
    pool->open--;
    upstream_pool_release(pool);
}

void endpoint_resolve(struct upstream *upstream)
{
    struct endpoint *endpoint = upstream->endpoint;
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    upstream->state = UPSTREAM_RESOLVING;
    upstream_list_remove(upstream);
    upstream_list_add(&endpoint->waiting, upstream);
    if (endpoint->resolving)
        return;
    endpoint->request.data = endpoint;
    if (uv_getaddrinfo(upstream->pool->loop, &endpoint->request, on_resolved, endpoint->host, NULL,
                       &hints) != 0) {
        upstream_report_failed(upstream, FW_UNREACHABLE, "its name cannot be looked up");
        return;
    }
    endpoint->resolving = true;
    endpoint->pool->open++;
}

/* Another configuration may have read the file anew: what was checked with the old one goes. */
static void use_context(struct endpoint *endpoint, const struct config_url *url)
{
    if (endpoint->context == url->context)
        return;
    upstream_drop_idle(endpoint);
    tls_context_release(&endpoint->context);
    if (url->context)
        endpoint->context = tls_context_retain(url->context);
}

void endpoint_free(struct endpoint *endpoint)
{
    tls_context_release(&endpoint->context);
    free(endpoint->ca_file);
    free(endpoint);
}

static bool is_at(const struct endpoint *endpoint, const struct config_url *url)
{
    return endpoint->port == url->port && strcmp(endpoint->host, url->host) == 0 &&
           (endpoint->ca_file != NULL) == url->tls &&
           (!url->tls || strcmp(endpoint->ca_file, url->ca_file ? url->ca_file : "") == 0);
}

struct endpoint *upstream_endpoint(struct upstream_pool *pool, const struct config_url *url)
{
    struct endpoint **link = &pool->endpoints, *endpoint;
    for (; (endpoint = *link) != NULL; link = &endpoint->next) {
        if (!is_at(endpoint, url))
            continue;
        use_context(endpoint, url);
        return endpoint;
    }
    endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    if (url->tls) {
        endpoint->ca_file = strdup(url->ca_file ? url->ca_file : "");
        if (!endpoint->ca_file || !url->context) {
            endpoint_free(endpoint);
            return NULL;
        }
        use_context(endpoint, url);
    }
    endpoint->pool = pool;
    endpoint->port = url->port;
    snprintf(endpoint->host, sizeof endpoint->host, "%s", url->host);
    snprintf(endpoint->authority, sizeof endpoint->authority,
             strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
    struct sockaddr_storage *address = &endpoint->addresses[0];
    if (uv_ip4_addr(url->host, url->port, (struct sockaddr_in *)address) == 0 ||
        uv_ip6_addr(url->host, url->port, (struct sockaddr_in6 *)address) == 0) {
        endpoint->address_count = 1;
        endpoint->resolved_until_ns = TIME_NEVER;
    }
    *link = endpoint;
    return endpoint;
}

struct str endpoint_authority(const struct endpoint *endpoint)
{
    return str_of(endpoint->authority);
}
