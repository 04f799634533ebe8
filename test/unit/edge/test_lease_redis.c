/* SPDX-License-Identifier: MIT
 * Holds lease_model.h, which the simulation trusts, to lease.lua in a real Redis: the same random
 * requests, expiries, restarts and losses of data, the same answers. */
#include "base/prng.h"
#include "edge/jobs.h"
#include "edge/store/lease_wire.h"
#include "lease_model.h"
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS           INT64_C(1000000)
#define LEASE_MS     INT64_C(1000000000) /* nothing runs out but by our hand */
#define MODEL_NOW_MS INT64_C(2000000000)
#define FIRST_TOKEN  UINT64_C(1000000000000000) /* above any time in milliseconds */
#define PATIENCE_NS  (20000 * MS)
enum { STEPS = 12000, NODES = 4, TOKENS = 6 };

static struct {
    pid_t pid;
    struct redis_link link;
} server;

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static int begin(void **state)
{
    (void)state;
    struct redis_address address = {.host = "127.0.0.1", .port = free_port()};
    struct fw_detail detail;
    char port[8];
    snprintf(port, sizeof port, "%u", address.port);
    if (access("/usr/bin/redis-server", X_OK) != 0)
        return 0;
    server.pid = fork();
    if (server.pid == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        execl("/usr/bin/redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
              "--save", "", "--dir", "/tmp", (char *)NULL);
        _exit(127);
    }
    redis_link_init(&server.link, &address, "", 5000 * MS);
    int64_t until_ns = jobs_now_ns() + PATIENCE_NS;
    while (redis_link_open(&server.link, jobs_now_ns(), &detail) != FW_OK) {
        assert_true(jobs_now_ns() < until_ns);
        poll(NULL, 0, 10);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_link_fini(&server.link);
    if (server.pid > 0) {
        kill(server.pid, SIGKILL);
        waitpid(server.pid, NULL, 0);
    }
    return 0;
}

static void command(const char *words)
{
    struct fw_detail detail;
    struct str parts[8], rest = str_of(words), part;
    int count = 0;
    while (count < 8 && str_cut(&rest, ' ', &part))
        parts[count++] = part;
    redisReply *reply = redis_link_command(&server.link, count, parts, &detail);
    assert_non_null(reply);
    freeReplyObject(reply);
}

/* This start of Redis is long ago. */
static void pass_time(void)
{
    char text[200];
    snprintf(text, sizeof text, "HSET forewarm:epoch run %s since 0", server.link.run);
    command(text);
}

/* What time, crashes and restarts do. */
static void disturb(struct prng *prng, struct model *m, const char *node)
{
    char text[200];
    switch (prng_below(prng, 6)) {
    case 0:
        if (m->holder[0]) {
            command("HSET forewarm:flight:s until 1");
            m->until_ms = 1;
        }
        break;
    case 1:
        for (int i = 0; i < MODEL_NODES; i++)
            if (m->users[i].until_ms > 0 && strcmp(m->users[i].node, node) == 0) {
                snprintf(text, sizeof text, "ZADD forewarm:users:s 1 %s", node);
                command(text);
                m->users[i].until_ms = 1;
            }
        break;
    case 2:
        command("HSET forewarm:epoch run another");
        m->seen_run = 0;
        break;
    case 3:
        if (prng_below(prng, 4) == 0) {
            command("DEL forewarm:flight:s forewarm:users:s");
            *m = (struct model){.run = m->run, .seen_run = m->seen_run, .since_ms = m->since_ms};
        }
        break;
    default:
        pass_time();
        m->since_ms = 0;
        m->seen_run = m->run;
        break;
    }
}

static void compare(int step, const struct lease_ask *ask, const struct lease_reply *real,
                    const struct lease_reply *model)
{
    if (real->verdict == model->verdict && real->token == model->token &&
        real->others == model->others && (real->wait_ns > 0) == (model->wait_ns > 0) &&
        strcmp(real->holder, model->holder) == 0 && strcmp(real->by, model->by) == 0 &&
        strcmp(real->phase, model->phase) == 0 && strcmp(real->reason, model->reason) == 0)
        return;
    fail_msg("step %d, %s %" PRIu64 ": Redis says %d token %" PRIu64
             " others %u %s|%s|%s|%s, the model %d token %" PRIu64 " others %u %s|%s|%s|%s",
             step, lease_op_name(ask->op), ask->token, real->verdict, real->token, real->others,
             real->holder, real->by, real->phase, real->reason, model->verdict, model->token,
             model->others, model->holder, model->by, model->phase, model->reason);
}

static void the_model_does_what_the_script_does(void **state)
{
    static const char *const phases[] = {"loading", "unloading", "failed", "cold"};
    (void)state;
    if (server.pid == 0)
        skip();
    struct prng prng;
    struct model m = {.run = 1, .seen_run = 1};
    uint32_t verdicts[LEASE_IS_LOST + 1] = {0};
    char nodes[NODES][16];
    prng_init(&prng, 4);
    for (int i = 0; i < NODES; i++)
        snprintf(nodes[i], sizeof nodes[i], "n%d#1", i);
    pass_time();
    for (int step = 0; step < STEPS; step++) {
        const char *node = nodes[prng_below(&prng, NODES)];
        struct lease_reply real, model;
        struct fw_detail detail;
        if (prng_below(&prng, 4) == 0)
            disturb(&prng, &m, node);
        uint64_t near = m.token > FIRST_TOKEN ? m.token : FIRST_TOKEN;
        struct lease_ask ask = {.op = (enum lease_op)prng_below(&prng, LEASE_OP_COUNT),
                                .token = near - prng_below(&prng, TOKENS) / 2 +
                                         (prng_below(&prng, TOKENS) == 0),
                                .following = prng_below(&prng, 2) ? near : 0,
                                .not_there = prng_below(&prng, 3) ? 0 : near,
                                .phase = phases[prng_below(&prng, 4)],
                                .reason = "out of memory"};
        assert_true(lease_wire_put(&server.link, node, "s", LEASE_MS * MS, &ask));
        assert_int_equal(lease_wire_take(&server.link, &real, &detail), FW_OK);
        model_eval(&m, node, MODEL_NOW_MS, LEASE_MS, &ask, &model);
        compare(step, &ask, &real, &model);
        verdicts[real.verdict]++;
    }
    for (int i = 0; i <= LEASE_IS_LOST; i++)
        assert_true(verdicts[i] >= 3); /* each kind of answer was compared */
}

static void a_late_request_is_refused(void **state)
{
    (void)state;
    if (server.pid == 0)
        skip();
    const struct lease_ask ask = {.op = LEASE_CLAIM, .phase = "loading"};
    struct lease_reply reply;
    struct fw_detail detail;
    pass_time();
    assert_true(lease_wire_put(&server.link, "late#1", "t", LEASE_MS * MS, &ask));
    assert_int_equal(lease_wire_take(&server.link, &reply, &detail), FW_OK);
    assert_int_equal(reply.verdict, LEASE_IS_OK);
    server.link.number -= 1;
    assert_true(lease_wire_put(&server.link, "late#1", "t", LEASE_MS * MS, &ask));
    assert_int_equal(lease_wire_take(&server.link, &reply, &detail), FW_OK);
    assert_int_equal(reply.verdict, LEASE_IS_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_does_what_the_script_does),
        cmocka_unit_test(a_late_request_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
