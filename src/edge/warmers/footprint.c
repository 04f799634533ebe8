/* SPDX-License-Identifier: MIT */
#include "edge/warmers/footprint.h"
#include "base/time.h"
#include "edge/jobs.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 << 10, TOKEN_MAX = 256 };
#define COMMAND_NS (10 * TIME_SECOND)

static bool in_group(int64_t pid, pid_t group)
{
    return pid > 0 && pid <= INT32_MAX && getpgid((pid_t)pid) == group;
}

uint64_t footprint_of_lines(struct str lines, pid_t group)
{
    uint64_t bytes = 0;
    struct str line;
    while (str_cut(&lines, '\n', &line)) {
        struct str pid_text, memory = line;
        int64_t pid;
        uint64_t mebibytes;
        if (!str_cut(&memory, ',', &pid_text) || !str_to_int64(str_trim(pid_text), &pid) ||
            !str_to_uint64(str_trim(memory), &mebibytes) || mebibytes > UINT32_MAX)
            continue; /* a header, or "[N/A]" */
        if (in_group(pid, group))
            bytes += mebibytes << 20;
    }
    return bytes;
}

static bool start(const char *command, pid_t *pid, int *output)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    char shell[] = "sh", option[] = "-c";
    char *const argv[] = {shell, option, (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    bool started = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    if (!started)
        close(ends[0]);
    *output = ends[0];
    return started;
}

/* Reads to the end, at most for COMMAND_NS. */
static size_t read_all(int fd, char *text, size_t size)
{
    int64_t deadline_ns = time_add(jobs_now_ns(), COMMAND_NS);
    size_t len = 0;
    while (len < size) {
        int64_t left_ns = deadline_ns - jobs_now_ns();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left_ns <= 0 || poll(&ready, 1, (int)(left_ns / TIME_MILLISECOND) + 1) <= 0)
            return 0;
        ssize_t n = read(fd, text + len, size - len);
        if (n == 0)
            return len;
        if (n < 0 && errno != EINTR)
            return 0;
        len += n > 0 ? (size_t)n : 0;
    }
    return len;
}

uint64_t footprint_by_command(const char *command, pid_t group)
{
    char text[OUTPUT_MAX];
    pid_t pid;
    int output;
    if (!start(command, &pid, &output))
        return 0;
    size_t len = read_all(output, text, sizeof text);
    close(output);
    kill(-pid, SIGKILL); /* it has said what it has to say, or takes too long */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return footprint_of_lines((struct str){text, len}, group);
}

/* One token of a pointer with ~1 and ~0 undone. */
static bool take_token(const char **at, char token[TOKEN_MAX])
{
    size_t len = 0;
    const char *c = *at + 1;
    for (; *c != 0 && *c != '/' && len < TOKEN_MAX - 1; c++) {
        bool escape = c[0] == '~' && (c[1] == '0' || c[1] == '1');
        token[len++] = escape ? (c[1] == '0' ? '~' : '/') : *c;
        c += escape;
    }
    token[len] = 0;
    *at = c;
    return *c == 0 || *c == '/';
}

static const json_t *element_of(const json_t *list, char *token)
{
    uint64_t index;
    if (str_to_uint64(str_of(token), &index))
        return json_array_get(list, (size_t)index);
    char *equals = strchr(token, '=');
    if (!equals)
        return NULL;
    *equals = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *value = json_string_value(json_object_get(one, token));
        if (value && strcmp(value, equals + 1) == 0)
            return one;
    }
    return NULL;
}

bool footprint_of_json(struct str document, const char *pointer, uint64_t *bytes)
{
    char token[TOKEN_MAX];
    json_t *root =
        json_loadb(document.data ? document.data : "", document.len, JSON_DECODE_ANY, NULL);
    const json_t *at = root;
    while (at && *pointer == '/') {
        if (!take_token(&pointer, token))
            at = NULL;
        else
            at = json_is_array(at) ? element_of(at, token) : json_object_get(at, token);
    }
    double value = at && *pointer == 0 && json_is_number(at) ? json_number_value(at) : -1;
    json_decref(root);
    if (!(value >= 0 && value < 1e18))
        return false;
    *bytes = (uint64_t)value;
    return true;
}
