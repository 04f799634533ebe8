/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/time.h"
#include "edge/clients.h"
#include <arpa/inet.h>
#include <string.h>

static struct sockaddr_storage v4(uint32_t number)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(number);
    return address;
}

static struct sockaddr_storage v6(const char *text)
{
    struct sockaddr_storage address = {.ss_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&address)->sin6_addr), 1);
    return address;
}

static void test_connections(void **state)
{
    const struct client_limits limits = {.connections = 2, .burst = 1};
    struct clients *clients;
    struct sockaddr_storage one = v4(1), other = v4(2), net = v6("2001:db8::1"),
                            same_net = v6("2001:db8::ffff:2"), next_net = v6("2001:db8:0:1::1"),
                            mapped = v6("::ffff:0.0.0.1");
    (void)state;
    assert_int_equal(clients_create(&clients), FW_OK);
    uint32_t first = clients_enter(clients, &limits, &one, 0);
    assert_int_not_equal(first, CLIENTS_REFUSED);
    assert_int_equal(clients_enter(clients, &limits, &mapped, 0), first);
    assert_int_equal(clients_enter(clients, &limits, &one, 0), CLIENTS_REFUSED);
    assert_int_not_equal(clients_enter(clients, &limits, &other, 0), CLIENTS_REFUSED);
    clients_leave(clients, first);
    assert_int_equal(clients_enter(clients, &limits, &one, 0), first);
    uint32_t six = clients_enter(clients, &limits, &net, 0);
    assert_int_equal(clients_enter(clients, &limits, &same_net, 0), six);
    assert_int_equal(clients_enter(clients, &limits, &net, 0), CLIENTS_REFUSED);
    assert_int_not_equal(clients_enter(clients, &limits, &next_net, 0), CLIENTS_REFUSED);
    clients_release(&clients);
}

static void test_rate(void **state)
{
    const struct client_limits limits = {.requests_per_s = 2, .burst = 3};
    struct clients *clients;
    struct sockaddr_storage one = v4(1);
    (void)state;
    assert_int_equal(clients_create(&clients), FW_OK);
    uint32_t place = clients_enter(clients, &limits, &one, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(clients_request(clients, &limits, place, 0), 0);
    assert_int_equal(clients_request(clients, &limits, place, 0), TIME_SECOND / 2);
    /* A new connection does not begin afresh. */
    clients_leave(clients, place);
    assert_int_equal(clients_enter(clients, &limits, &one, 0), place);
    assert_int_equal(clients_request(clients, &limits, place, 0), TIME_SECOND / 2);
    assert_int_equal(clients_request(clients, &limits, place, TIME_SECOND / 2), 0);
    assert_int_not_equal(clients_request(clients, &limits, place, TIME_SECOND / 2), 0);
    for (int i = 0; i < 3; i++) /* and no more than the burst is saved up */
        assert_int_equal(clients_request(clients, &limits, place, 1000 * TIME_SECOND), 0);
    assert_int_not_equal(clients_request(clients, &limits, place, 1000 * TIME_SECOND), 0);
    clients_release(&clients);
}

/* A hundred times more addresses than there are places: nobody is refused for it, and a client
 * that is connected keeps its place. */
static void test_bounded(void **state)
{
    const struct client_limits limits = {.connections = 1, .burst = 1};
    struct clients *clients;
    struct sockaddr_storage stays = v4(0xffffffff);
    (void)state;
    assert_int_equal(clients_create(&clients), FW_OK);
    uint32_t place = clients_enter(clients, &limits, &stays, 0);
    for (uint32_t i = 0; i < 100 * CLIENTS_PLACES; i++) {
        struct sockaddr_storage address = v4(i);
        uint32_t other = clients_enter(clients, &limits, &address, i);
        assert_int_not_equal(other, CLIENTS_REFUSED);
        assert_int_not_equal(other, place);
        clients_leave(clients, other);
    }
    assert_int_equal(clients_enter(clients, &limits, &stays, 0), CLIENTS_REFUSED);
    clients_release(&clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
