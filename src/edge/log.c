/* SPDX-License-Identifier: MIT */
#include "edge/log.h"
#include "base/buf.h"
#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_BUCKETS = 64 };

/* One bucket a message (by its address): how many lines this second, how many were left out. */
struct bucket {
    const char *message;
    int64_t second;
    uint32_t lines;
    uint64_t left_out;
};

static struct {
    pthread_mutex_t lock;
    int fd;
    struct bucket buckets[LOG_BUCKETS];
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO};
static atomic_int log_threshold = LOG_INFO;

static const char *const level_names[] = {
#define X(level, name, sentence) name,
    LOG_LEVELS(X)
#undef X
};

enum fw_err log_open(const char *file, enum log_level level, struct fw_detail *detail)
{
    log_set_level(level);
    if (file[0] == 0)
        return FW_OK;
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_set(detail, FW_IO, "log_file: \"%s\" cannot be opened: %s", file,
                       strerror(errno));
    pthread_mutex_lock(&logger.lock);
    if (logger.fd != STDERR_FILENO)
        close(logger.fd);
    logger.fd = fd;
    pthread_mutex_unlock(&logger.lock);
    return FW_OK;
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_threshold, (int)level);
}

void log_close(void)
{
    pthread_mutex_lock(&logger.lock);
    if (logger.fd != STDERR_FILENO)
        close(logger.fd);
    logger.fd = STDERR_FILENO;
    pthread_mutex_unlock(&logger.lock);
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return text.len > 0;
}

/* logfmt: bare when it can be, else quoted with escapes; control bytes never reach a terminal. */
static void add_value(struct buf *line, struct str text)
{
    if (is_plain(text)) {
        buf_add_str(line, text);
        return;
    }
    buf_add_char(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c == '\n')
            buf_add_text(line, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(line, "\\x%02x", c);
        else
            buf_add_char(line, (char)c);
    }
    buf_add_char(line, '"');
}

static void add_field(struct buf *line, const struct log_field *field)
{
    char number[STR_NUMBER_MAX];
    if (field->kind == LOG_NOTHING)
        return;
    buf_printf(line, " %s=", field->key);
    if (field->kind == LOG_IS_TEXT)
        add_value(line, field->text);
    else if (field->kind == LOG_IS_INT)
        buf_printf(line, "%lld", (long long)field->number);
    else
        buf_add_text(line, str_from_fixed(time_to_seconds(field->number), 3, number));
}

/* Is there room for one more line of this message in this second? */
static bool admit(const char *message, int64_t second, uint64_t *left_out)
{
    struct bucket *bucket = &logger.buckets[((uintptr_t)message >> 3) % LOG_BUCKETS];
    if (bucket->message != message || bucket->second != second) {
        *left_out = bucket->message == message ? bucket->left_out : 0;
        *bucket = (struct bucket){.message = message, .second = second, .lines = 1};
        return true;
    }
    *left_out = 0;
    if (bucket->lines < LOG_LINES_PER_SECOND) {
        bucket->lines++;
        return true;
    }
    bucket->left_out++;
    return false;
}

static void write_all(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(logger.fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a full disk must not stop the daemon */
        data += n;
        len -= (size_t)n;
    }
}

void log_line(enum log_level level, const char *message, const struct log_field *fields,
              size_t count)
{
    if ((int)level > atomic_load(&log_threshold))
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char time_text[TIME_TEXT_MAX];
    time_format_iso((int64_t)now.tv_sec * TIME_SECOND, time_text);
    size_t seconds_len = strlen(time_text) - 1; /* all but the Z: every line has milliseconds */
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    buf_printf(&line, "time=%.*s.%03ldZ level=%s msg=", (int)seconds_len, time_text,
               now.tv_nsec / 1000000, level_names[level]);
    add_value(&line, str_of(message));
    for (size_t i = 0; i < count; i++)
        add_field(&line, &fields[i]);
    line.failed = false; /* a line that is too long ends early */
    pthread_mutex_lock(&logger.lock);
    uint64_t left_out = 0;
    if (admit(message, now.tv_sec, &left_out)) {
        if (left_out > 0)
            buf_printf(&line, " left_out=%llu", (unsigned long long)left_out);
        if (line.len + 1 >= LOG_LINE_MAX)
            line.len = LOG_LINE_MAX - 2;
        line.failed = false;
        buf_add_char(&line, '\n');
        write_all(line.data, line.len);
    }
    pthread_mutex_unlock(&logger.lock);
    buf_fini(&line);
}
