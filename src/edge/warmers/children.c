/* SPDX-License-Identifier: MIT
 * The watching side: one thread polls pidfds and output pipes. Starting and adopting is in
 * child_start.c. */
#include "edge/warmers/children.h"
#include "base/check.h"
#include "edge/log.h"
#include "edge/warmers/child_part.h"
#include "edge/warmers/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 16 << 10, READS_PER_TURN = 8 };

/* ---- output ---- */

static void write_line_to_file(struct child *child, const char *line, size_t len)
{
    char stamped[CHILD_LINE_MAX + 512], time_text[TIME_TEXT_MAX];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec / 1000000 * 1000000;
    int n = snprintf(stamped, sizeof stamped, "%s %s: %.*s\n", time_format_iso(now_ns, time_text),
                     child->resource, (int)len, line);
    if (n > 0 && write(child->log_fd, stamped, (size_t)n) < 0)
        log_warn("a command's output cannot be written", LOG_TEXT("resource", child->resource),
                 LOG_TEXT("reason", strerror(errno)));
}

/* A line is whole: to the file or the log; remembered as the last word if the child dies of it. */
static void end_line(struct child *child)
{
    if (child->line_len == 0)
        return;
    child->line[child->line_len] = 0;
    if (child->log_fd >= 0)
        write_line_to_file(child, child->line, child->line_len);
    else
        log_info("output", LOG_TEXT("resource", child->resource), LOG_TEXT("line", child->line));
    pthread_mutex_lock(&child->owner->lock);
    memcpy(child->last_line, child->line, child->line_len + 1);
    pthread_mutex_unlock(&child->owner->lock);
    child->line_len = 0;
}

static void take_output(struct child *child, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r')
            end_line(child);
        else if (child->line_len < CHILD_LINE_MAX - 1)
            child->line[child->line_len++] = data[i];
    }
}

static void read_output(struct child *child)
{
    char data[READ_SIZE];
    for (int i = 0; i < READS_PER_TURN && child->output_fd >= 0; i++) {
        ssize_t n = read(child->output_fd, data, sizeof data);
        if (n > 0) {
            take_output(child, data, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            end_line(child);
            close(child->output_fd);
            child->output_fd = -1;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* ---- the end ---- */

/* While the leader is a zombie its number cannot be reused: the rest of its group is ended first.
 */
static void reap(struct child *child)
{
    kill(-child->pid, SIGKILL);
    int status = 0;
    bool known = child->ours && waitpid(child->pid, &status, 0) == child->pid;
    read_output(child);
    end_line(child);
    pthread_mutex_lock(&child->owner->lock);
    child->status = status;
    child->status_known = known;
    child->running = false;
    bool tell = !child->stop_wanted && !child->released;
    pthread_mutex_unlock(&child->owner->lock);
    if (tell && child->ended)
        child->ended(child->context, child);
}

bool child_succeeded(struct child *child)
{
    pthread_mutex_lock(&child->owner->lock);
    bool succeeded = !child->running && child->status_known && WIFEXITED(child->status) &&
                     WEXITSTATUS(child->status) == 0;
    pthread_mutex_unlock(&child->owner->lock);
    return succeeded;
}

void child_describe_end(struct child *child, char *text, size_t size)
{
    pthread_mutex_lock(&child->owner->lock);
    char how[64];
    if (!child->status_known)
        snprintf(how, sizeof how, "ended");
    else if (WIFSIGNALED(child->status))
        snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(child->status));
    else
        snprintf(how, sizeof how, "exited with status %d", WEXITSTATUS(child->status));
    snprintf(text, size, "its command %s%s%.200s", how,
             child->last_line[0] ? "; its last line: " : "", child->last_line);
    pthread_mutex_unlock(&child->owner->lock);
}

static void free_child(struct child *child)
{
    if (child->pid_fd >= 0)
        close(child->pid_fd);
    if (child->output_fd >= 0)
        close(child->output_fd);
    if (child->log_fd >= 0)
        close(child->log_fd);
    if (child->gate_fd >= 0)
        close(child->gate_fd);
    free(child);
}

/* ---- the watching thread ---- */

/* Two entries a child after the wake-up's; `watched` says whose. */
struct poll_set {
    struct pollfd *fds;
    struct child **watched;
    size_t capacity;
};

static bool grow(struct poll_set *set, size_t count)
{
    if (count <= set->capacity)
        return true;
    size_t capacity = count * 2;
    struct pollfd *fds = realloc(set->fds, (1 + 2 * capacity) * sizeof *fds);
    if (fds)
        set->fds = fds;
    struct child **watched = realloc(set->watched, capacity * sizeof *watched);
    if (watched)
        set->watched = watched;
    if (!fds || !watched)
        return false;
    set->capacity = capacity;
    return true;
}

/* Forgets what is over and released; collects the rest. */
static size_t collect(struct children *children, struct poll_set *set)
{
    size_t count = 0;
    pthread_mutex_lock(&children->lock);
    struct child **link = &children->first;
    while (*link) {
        struct child *child = *link;
        if (child->released && !child->running) {
            *link = child->next;
            children->count--;
            free_child(child);
            continue;
        }
        if (grow(set, count + 1)) {
            set->watched[count] = child;
            set->fds[1 + 2 * count] =
                (struct pollfd){.fd = child->running ? child->pid_fd : -1, .events = POLLIN};
            set->fds[2 + 2 * count] =
                (struct pollfd){.fd = child->running ? child->output_fd : -1, .events = POLLIN};
            count++;
        }
        link = &child->next;
    }
    pthread_mutex_unlock(&children->lock);
    return count;
}

static void *watch(void *context)
{
    struct children *children = context;
    struct poll_set set = {0};
    while (grow(&set, 1) && !atomic_load(&children->stopping)) {
        size_t count = collect(children, &set);
        set.fds[0] = (struct pollfd){.fd = children->wake_fd, .events = POLLIN};
        if (poll(set.fds, 1 + 2 * count, -1) < 0)
            continue;
        uint64_t ignored;
        if (set.fds[0].revents && read(children->wake_fd, &ignored, sizeof ignored) < 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (set.fds[2 + 2 * i].revents)
                read_output(set.watched[i]);
            if (set.fds[1 + 2 * i].revents)
                reap(set.watched[i]);
        }
    }
    free(set.fds);
    free(set.watched);
    return NULL;
}

void children_wake(struct children *children)
{
    uint64_t one = 1;
    if (write(children->wake_fd, &one, sizeof one) < 0)
        CHECK(errno == EAGAIN);
}

enum fw_err children_create(struct children **children, struct fw_detail *detail)
{
    struct children *made = calloc(1, sizeof *made);
    if (!made)
        return FW_NOMEM;
    pthread_mutex_init(&made->lock, NULL);
    (void)getrlimit(RLIMIT_NOFILE, &made->files);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = made->wake_fd < 0 ? errno : pthread_create(&made->thread, NULL, watch, made);
    if (error != 0) {
        if (made->wake_fd >= 0)
            close(made->wake_fd);
        free(made);
        return err_set(detail, FW_IO, "commands cannot be watched: %s", strerror(error));
    }
    *children = made;
    return FW_OK;
}

void children_stop(struct children *children)
{
    if (!children || atomic_exchange(&children->stopping, true))
        return;
    children_wake(children);
    pthread_join(children->thread, NULL);
}

void children_destroy(struct children **children)
{
    struct children *gone = *children;
    if (!gone)
        return;
    children_stop(gone);
    for (struct child *child = gone->first, *next; child; child = next) {
        next = child->next;
        free_child(child);
    }
    close(gone->wake_fd);
    pthread_mutex_destroy(&gone->lock);
    free(gone);
    *children = NULL;
}

/* ---- one child, seen from outside ---- */

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

uint64_t child_start_time(const struct child *child)
{
    return child->start_time;
}

bool child_running(struct child *child)
{
    pthread_mutex_lock(&child->owner->lock);
    bool running = child->running;
    pthread_mutex_unlock(&child->owner->lock);
    return running;
}

void child_stop(struct child *child, int signal_number)
{
    pthread_mutex_lock(&child->owner->lock);
    child->stop_wanted = true;
    /* Not reaped yet, so the number is still its own. */
    if (child->running)
        kill(-child->pid, signal_number);
    pthread_mutex_unlock(&child->owner->lock);
}

void child_release(struct child *child)
{
    struct children *children = child->owner;
    pthread_mutex_lock(&children->lock);
    child->released = true;
    pthread_mutex_unlock(&children->lock);
    children_wake(children);
}
