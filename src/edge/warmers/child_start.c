/* SPDX-License-Identifier: MIT
 * Starting a command, and taking over one that a former forewarm started. */
#include "base/buf.h"
#include "edge/warmers/child_part.h"
#include "edge/warmers/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything the new process needs, made before fork: after it only async-signal-safe calls are
 * allowed. */
struct launch {
    char *script; /* "exec COMMAND", or COMMAND where exec would change its meaning */
    char **environment;
    char resource[300]; /* FOREWARM_RESOURCE=id */
    char devices[700], device_numbers[100], token[48];
    char output_path[64]; /* /proc/self/fd/N of the pipe's end: opened again for reading and writing
                           */
    const char *directory;
    struct rlimit files;
    int output_fd, gate_fd;
    bool die_with_us;
    pid_t parent;
};

static struct child *new_child(struct children *children, const struct child_spec *spec,
                               child_ended_fn *ended, void *context)
{
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return NULL;
    child->owner = children;
    child->pid_fd = child->output_fd = child->log_fd = child->gate_fd = -1;
    child->ended = ended;
    child->context = context;
    snprintf(child->resource, sizeof child->resource, "%s", spec->resource);
    return child;
}

static void discard(struct child *child)
{
    int fds[] = {child->pid_fd, child->output_fd, child->log_fd, child->gate_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(child);
}

static enum fw_err open_log(struct child *child, const struct child_spec *spec,
                            struct fw_detail *detail)
{
    if (spec->log[0] == 0)
        return FW_OK;
    child->log_fd = open(spec->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (child->log_fd < 0)
        return err_set(detail, FW_SPAWN, "warmer.log: \"%s\" cannot be opened: %s", spec->log,
                       strerror(errno));
    return FW_OK;
}

/* From here on the thread watches it. */
static enum fw_err begin_watch(struct child *child, struct fw_detail *detail)
{
    struct children *children = child->owner;
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pid_fd < 0)
        return err_set(detail, FW_SPAWN, "process %d cannot be watched: %s", (int)child->pid,
                       strerror(errno));
    fcntl(child->pid_fd, F_SETFD, FD_CLOEXEC);
    pthread_mutex_lock(&children->lock);
    bool room = children->count < CHILDREN_MAX;
    if (room) {
        child->running = true;
        child->next = children->first;
        children->first = child;
        children->count++;
    }
    pthread_mutex_unlock(&children->lock);
    if (!room)
        return err_set(detail, FW_LIMIT, "%d commands run already", CHILDREN_MAX);
    children_wake(children);
    return FW_OK;
}

/* With exec the command takes the shell's place, and signals and memory figures are its own. A
 * list, a pipe, a leading assignment or somebody's own exec is left to the shell as it is. */
static bool takes_exec(const char *command)
{
    size_t word = strcspn(command, " \t");
    bool assigns = memchr(command, '=', word) != NULL;
    return strpbrk(command, ";&|<>(){}`\n") == NULL && !assigns &&
           !(word == 4 && strncmp(command, "exec", 4) == 0);
}

/* Secrets that came to us by a variable stay with us. */
static bool is_ours(const char *variable)
{
    static const char *const names[] = {"EDGE_SHARED_SECRET=", "FOREWARM_FALLBACK_SHARED_SECRET="};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static bool prepare(struct launch *launch, const struct child_spec *spec)
{
    size_t inherited = 0;
    while (environ[inherited])
        inherited++;
    launch->environment =
        calloc(inherited + spec->environment_count + 5, sizeof *launch->environment);
    size_t script_bytes = strlen(spec->command) + sizeof "exec ";
    launch->script = malloc(script_bytes);
    if (!launch->environment || !launch->script)
        return false;
    (void)snprintf(launch->script, script_bytes, "%s%s", takes_exec(spec->command) ? "exec " : "",
                   spec->command);
    size_t count = 0;
    /* The last of two equal names is not the one programs see: ours come first. */
    for (uint32_t i = 0; i < spec->environment_count; i++)
        launch->environment[count++] = (char *)spec->environment[i];
    snprintf(launch->resource, sizeof launch->resource, "FOREWARM_RESOURCE=%s", spec->resource);
    launch->environment[count++] = launch->resource;
    if (spec->devices[0]) {
        snprintf(launch->devices, sizeof launch->devices, "FOREWARM_DEVICES=%s", spec->devices);
        snprintf(launch->device_numbers, sizeof launch->device_numbers,
                 "FOREWARM_DEVICE_NUMBERS=%s", spec->device_numbers);
        launch->environment[count++] = launch->devices;
        launch->environment[count++] = launch->device_numbers;
    }
    if (spec->token != 0) {
        snprintf(launch->token, sizeof launch->token, "FOREWARM_FENCING_TOKEN=%" PRIu64,
                 spec->token);
        launch->environment[count++] = launch->token;
    }
    for (size_t i = 0; i < inherited; i++)
        if (!is_ours(environ[i]))
            launch->environment[count++] = environ[i];
    launch->directory = spec->directory;
    launch->die_with_us = spec->die_with_us;
    launch->parent = getpid();
    return true;
}

static _Noreturn void fail_in_child(const char *what)
{
    const char *why = strerrordesc_np(errno);
    (void)!write(STDERR_FILENO, what, strlen(what));
    if (why)
        (void)!write(STDERR_FILENO, why, strlen(why));
    (void)!write(STDERR_FILENO, "\n", 1);
    _exit(126);
}

static void reset_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP)
            sigaction(number, &plain, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_child(const struct launch *launch)
{
    char *argv[] = {(char *)"sh", (char *)"-c", launch->script, NULL};
    setpgid(0, 0);
    reset_signals();
    (void)setrlimit(RLIMIT_NOFILE, &launch->files);
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int output = open(launch->output_path, O_RDWR | O_CLOEXEC);
    if (output < 0)
        output = launch->output_fd;
    if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(126);
    /* Nothing else of ours goes along, not even while it waits: another child's gate would stay
     * open. */
    int gate_fd = dup2(launch->gate_fd, 3);
    syscall(SYS_close_range, 4u, ~0u, 0u);
    if (launch->directory[0] && chdir(launch->directory) != 0)
        fail_in_child("the working directory cannot be entered: ");
    if (launch->die_with_us &&
        (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != launch->parent))
        _exit(126);
    char go = 0;
    ssize_t n;
    while ((n = read(gate_fd, &go, 1)) < 0 && errno == EINTR)
        continue;
    if (n != 1)
        _exit(126); /* forewarm ended before it could write our number down */
    close(gate_fd);
    execve("/bin/sh", argv, launch->environment);
    fail_in_child("/bin/sh cannot be run: ");
}

static enum fw_err start(struct child *child, struct launch *launch, struct fw_detail *detail)
{
    int output[2] = {-1, -1}, gate[2] = {-1, -1};
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(gate, O_CLOEXEC) != 0) {
        int error = errno;
        if (output[0] >= 0)
            close(output[0]), close(output[1]);
        return err_set(detail, FW_SPAWN, "no pipe for a command: %s", strerror(error));
    }
    child->output_fd = output[0];
    child->gate_fd = gate[1];
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    launch->output_fd = output[1];
    launch->gate_fd = gate[0];
    snprintf(launch->output_path, sizeof launch->output_path, "/proc/self/fd/%d", output[1]);
    /* Until it has reset them, the new process has our signal handlers, and these write to a pipe
     * that it shares with us: a SIGTERM meant for it would stop us. So signals wait until then. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child->pid = fork();
    if (child->pid == 0) {
        close(gate[1]);
        run_child(launch);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(output[1]);
    close(gate[0]);
    if (child->pid < 0)
        return err_set(detail, FW_SPAWN, "a process cannot be started: %s", strerror(error));
    setpgid(child->pid, child->pid);
    child->ours = true;
    child->start_time = procfs_start_time(child->pid);
    return FW_OK;
}

enum fw_err child_spawn(struct children *children, const struct child_spec *spec,
                        child_ended_fn *ended, void *context, struct child **child,
                        struct fw_detail *detail)
{
    struct launch launch = {.files = children->files};
    struct child *made = new_child(children, spec, ended, context);
    enum fw_err err = made && prepare(&launch, spec) ? open_log(made, spec, detail) : FW_NOMEM;
    if (err == FW_OK)
        err = start(made, &launch, detail);
    free(launch.script);
    free(launch.environment);
    if (err == FW_OK) {
        pid_t pid = made->pid;
        err = begin_watch(made, detail);
        if (err != FW_OK) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
    if (err != FW_OK && made)
        discard(made);
    *child = err == FW_OK ? made : NULL;
    return err;
}

void child_go(struct child *child)
{
    (void)!write(child->gate_fd, "g", 1);
    close(child->gate_fd);
    child->gate_fd = -1;
}

/* The pipe we once gave it; -1 when its program has moved its output elsewhere. */
static int open_output(const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &stat) != 0 || !S_ISFIFO(stat.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

enum fw_err child_adopt(struct children *children, const struct child_spec *spec, pid_t pid,
                        uint64_t start_time, child_ended_fn *ended, void *context,
                        struct child **child, struct fw_detail *detail)
{
    char path[64];
    *child = NULL;
    if (pid <= 1 || start_time == 0 || procfs_start_time(pid) != start_time)
        return err_set(detail, FW_NOT_FOUND, "process %d is gone", (int)pid);
    struct child *made = new_child(children, spec, ended, context);
    if (!made)
        return FW_NOMEM;
    made->pid = pid;
    made->start_time = start_time;
    enum fw_err err = open_log(made, spec, detail);
    snprintf(path, sizeof path, "/proc/%d/fd/1", (int)pid);
    made->output_fd = open_output(path);
    if (err == FW_OK)
        err = begin_watch(made, detail);
    if (err != FW_OK) {
        discard(made);
        return err;
    }
    *child = made;
    return FW_OK;
}
