/* SPDX-License-Identifier: MIT */
#include "edge/journal_file.h"
#include "edge/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 20, SNAPSHOT_MAX = 1 << 30 };

struct journal_file {
    char path[1024];
    int fd;
    struct jobs *jobs;
    uint64_t number; /* records in the file */
    uint64_t bytes;  /* in the file and on the way */
    uint64_t events; /* since begin */
    struct buf pending;
    struct job job;
    pthread_mutex_t lock; /* of what follows */
    struct buf writing;   /* the job's; empty: it has nothing to do */
    bool busy;
    int error;
    bool dead;
};

/* ---- continuing a file ---- */

/* Reads the file to its last whole record. */
static enum fw_err find_end(int fd, uint64_t *end, uint64_t *number, struct fw_detail *detail)
{
    struct journal_reader reader = {0};
    struct journal_record *record = malloc(sizeof *record);
    struct buf data;
    buf_init(&data, (size_t)JOURNAL_PAYLOAD_MAX + READ_SIZE + 64);
    enum fw_err err = record ? FW_OK : FW_NOMEM;
    size_t from = 0, used;
    while (err == FW_OK) {
        err = journal_read(&reader, data.data + from, data.len - from, record, &used, detail);
        from += used;
        if (err != FW_NO)
            continue;
        buf_remove_front(&data, from);
        from = 0;
        char *at = buf_reserve(&data, READ_SIZE);
        ssize_t n = at ? read(fd, at, READ_SIZE) : -1;
        if (n < 0) {
            err = at ? err_set(detail, FW_IO, "%s", strerror(errno)) : FW_NOMEM;
        } else if (n > 0) {
            data.len += (size_t)n;
            err = FW_OK;
        }
    }
    buf_fini(&data);
    free(record);
    *end = reader.offset;
    *number = reader.number;
    return err == FW_NO ? FW_OK : err;
}

static enum fw_err continue_file(struct journal_file *file, struct fw_detail *detail)
{
    struct fw_detail why = {{0}};
    uint64_t end = 0;
    enum fw_err err = find_end(file->fd, &end, &file->number, &why);
    if (err != FW_OK)
        return err_set(detail, err,
                       "journal: \"%s\" cannot be continued: %.300s; it was left as it is: move it "
                       "away, or name another path",
                       file->path, why.text[0] ? why.text : err_row(err)->sentence);
    if (ftruncate(file->fd, (off_t)end) != 0 || lseek(file->fd, 0, SEEK_END) < 0)
        return err_set(detail, FW_IO, "journal: \"%s\" cannot be written: %s", file->path,
                       strerror(errno));
    file->bytes = end;
    return FW_OK;
}

static int open_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
}

/* ---- writing ---- */

static int write_all(int fd, struct str data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.data, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ENOSPC : errno;
        data.data += n;
        data.len -= (size_t)n;
    }
    return 0;
}

static void die(struct journal_file *file, const char *why)
{
    if (!file->dead)
        log_error("the journal ends here", LOG_TEXT("file", file->path), LOG_TEXT("reason", why),
                  LOG_TEXT("next", "make room; a restart begins a new run in it"));
    file->dead = true;
}

static void write_job(struct job *job)
{
    struct journal_file *file =
        (struct journal_file *)((char *)job - offsetof(struct journal_file, job));
    int error = write_all(file->fd, buf_str(&file->writing));
    pthread_mutex_lock(&file->lock);
    buf_clear(&file->writing);
    file->error = error;
    file->busy = false;
    pthread_mutex_unlock(&file->lock);
}

/* Is the job done with what it had? Takes note of how it went. */
static bool idle(struct journal_file *file)
{
    pthread_mutex_lock(&file->lock);
    bool busy = file->busy;
    int error = file->error;
    pthread_mutex_unlock(&file->lock);
    if (error != 0)
        die(file, strerror(error));
    return !busy;
}

static void swap(struct journal_file *file)
{
    struct buf empty = file->writing;
    file->writing = file->pending;
    file->pending = empty;
}

void journal_file_flush(struct journal_file *file)
{
    if (!idle(file) || file->dead)
        return;
    if (file->pending.failed) {
        die(file, "the disk does not keep up");
        return;
    }
    if (file->pending.len == 0)
        return;
    swap(file);
    file->busy = true;
    jobs_submit(file->jobs, &file->job, 0);
}

/* Counts what a put has appended. */
static void appended(struct journal_file *file, size_t before)
{
    file->bytes += file->pending.len - before;
    if (file->pending.len >= JOURNAL_FILE_EAGER_BYTES)
        journal_file_flush(file);
}

void journal_file_begin(struct journal_file *file, const struct engine_settings *settings,
                        const struct engine *engine)
{
    struct buf snapshot;
    size_t before = file->pending.len;
    if (file->dead)
        return;
    buf_init(&snapshot, SNAPSHOT_MAX);
    if (engine_save(engine, &snapshot) != FW_OK) {
        die(file, "not enough memory for a snapshot");
    } else {
        if (file->bytes == 0)
            journal_put_header(&file->pending);
        journal_put_settings(&file->pending, &file->number, JOURNAL_BEGIN, settings);
        journal_put_snapshot(&file->pending, &file->number, buf_str(&snapshot));
        file->events = 0;
        appended(file, before);
    }
    buf_fini(&snapshot);
}

void journal_file_event(struct journal_file *file, const struct event *event)
{
    size_t before = file->pending.len;
    if (file->dead)
        return;
    journal_put_event(&file->pending, &file->number, event);
    file->events++;
    appended(file, before);
}

void journal_file_settings(struct journal_file *file, const struct engine_settings *settings)
{
    size_t before = file->pending.len;
    if (file->dead)
        return;
    journal_put_settings(&file->pending, &file->number, JOURNAL_SETTINGS, settings);
    appended(file, before);
}

static void put_mark(struct journal_file *file, enum journal_kind kind, const struct engine *engine)
{
    const struct journal_mark mark = {engine_decision_hash(engine), engine_action_count(engine),
                                      file->events};
    size_t before = file->pending.len;
    journal_put_mark(&file->pending, &file->number, kind, &mark);
    file->bytes += file->pending.len - before;
}

void journal_file_mark(struct journal_file *file, const struct engine *engine)
{
    if (!file->dead)
        put_mark(file, JOURNAL_MARK, engine);
}

bool journal_file_rotate(struct journal_file *file, uint64_t max)
{
    char old[sizeof file->path + 8];
    if (file->dead || file->bytes <= max || !idle(file))
        return false;
    int error = write_all(file->fd, buf_str(&file->pending));
    buf_clear(&file->pending);
    snprintf(old, sizeof old, "%s.old", file->path);
    if (error == 0 && rename(file->path, old) != 0)
        error = errno;
    int fd = error == 0 ? open_file(file->path) : -1;
    if (error == 0 && fd < 0)
        error = errno;
    if (error != 0) {
        die(file, strerror(error));
        return false;
    }
    close(file->fd);
    file->fd = fd;
    file->number = file->bytes = 0;
    return true;
}

/* ---- life ---- */

enum fw_err journal_file_open(struct journal_file **out, const char *path, struct jobs *jobs,
                              struct fw_detail *detail)
{
    struct journal_file *file = calloc(1, sizeof *file);
    *out = NULL;
    if (!file)
        return FW_NOMEM;
    snprintf(file->path, sizeof file->path, "%s", path);
    file->jobs = jobs;
    file->job.run = write_job;
    buf_init(&file->pending, (size_t)JOURNAL_FILE_PENDING_MAX + SNAPSHOT_MAX);
    buf_init(&file->writing, (size_t)JOURNAL_FILE_PENDING_MAX + SNAPSHOT_MAX);
    pthread_mutex_init(&file->lock, NULL);
    file->fd = open_file(path);
    enum fw_err err = file->fd >= 0 ? continue_file(file, detail)
                                    : err_set(detail, FW_IO, "journal: \"%s\" cannot be opened: %s",
                                              path, strerror(errno));
    if (err != FW_OK) {
        file->dead = true;
        journal_file_close(&file, NULL);
        return err;
    }
    *out = file;
    return FW_OK;
}

void journal_file_close(struct journal_file **gone, const struct engine *engine)
{
    struct journal_file *file = *gone;
    if (!file)
        return;
    (void)idle(file);
    if (!file->dead) {
        if (engine)
            put_mark(file, JOURNAL_END, engine);
        /* What a job was to write and did not comes first. */
        int error = write_all(file->fd, buf_str(&file->writing));
        if (error == 0)
            error = write_all(file->fd, buf_str(&file->pending));
        if (error == 0 && fsync(file->fd) != 0)
            error = errno;
        if (error != 0)
            die(file, strerror(error));
    }
    if (file->fd >= 0)
        close(file->fd);
    buf_fini(&file->pending);
    buf_fini(&file->writing);
    pthread_mutex_destroy(&file->lock);
    free(file);
    *gone = NULL;
}
