/* SPDX-License-Identifier: MIT */
#include "cli/output.h"
#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int output_print(const struct buf *out, int status)
{
    if (out->failed) {
        fprintf(stderr, "forewarm: the output is larger than memory allows\n");
        return 3;
    }
    if (fwrite(out->data ? out->data : "", 1, out->len, stdout) != out->len ||
        fflush(stdout) != 0) {
        fprintf(stderr, "forewarm: standard output: %s\n", strerror(errno));
        return 3;
    }
    return status;
}

int output_fail(const char *command, enum fw_err err, const struct fw_detail *detail)
{
    const struct err_row *row = err_row(err);
    const char *text = detail && detail->text[0] != '\0' ? detail->text : row->sentence;
    fprintf(stderr, "forewarm %s: %s\n", command, text);
    if (err == FW_USAGE)
        fprintf(stderr, "`forewarm %s --help` lists what it takes.\n", command);
    else if (err != FW_NO)
        fprintf(stderr, "%s\n", row->next);
    return row->exit_status;
}

static enum fw_err write_all(int fd, struct str content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FW_IO;
        content.data += n;
        content.len -= (size_t)n;
    }
    return FW_OK;
}

/* Devices, pipes and the like are written to as they are: renaming over one would replace it. */
static enum fw_err write_special(const char *path, struct str content, struct fw_detail *detail)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, content) == FW_OK;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return ok ? FW_OK : err_set(detail, FW_IO, "%s: %s", path, strerror(reason));
}

static enum fw_err write_renamed(const char *path, struct str content, struct fw_detail *detail)
{
    char temporary[PATH_MAX + 32];
    if (snprintf(temporary, sizeof temporary, "%s.part-%ld", path, (long)getpid()) >=
        (int)sizeof temporary)
        return err_set(detail, FW_USAGE, "the file name is longer than %d bytes", PATH_MAX);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(detail, FW_IO, "%s: %s", temporary, strerror(errno));
    bool ok = write_all(fd, content) == FW_OK && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    if (ok && rename(temporary, path) != 0) {
        ok = false;
        reason = errno;
    }
    if (ok)
        return FW_OK;
    unlink(temporary);
    return err_set(detail, FW_IO, "%s: %s", path, strerror(reason));
}

enum fw_err output_file(const char *path, struct str content, struct fw_detail *detail)
{
    if (strcmp(path, "-") == 0) {
        if (write_all(STDOUT_FILENO, content) != FW_OK)
            return err_set(detail, FW_IO, "standard output: %s", strerror(errno));
        return FW_OK;
    }
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return write_special(path, content, detail);
    char *target =
        realpath(path, NULL); /* through a symbolic link to the file itself; NULL: it is new */
    enum fw_err err = write_renamed(target ? target : path, content, detail);
    free(target);
    return err;
}

static bool is_number(const char *cell)
{
    if (*cell == '+' || *cell == '-')
        cell++;
    return *cell == '.' || (*cell >= '0' && *cell <= '9') || *cell == '\0';
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t cell_width(const char *cell)
{
    size_t width = 0;
    for (; *cell; cell++)
        width += ((unsigned char)*cell & 0xC0) != 0x80;
    return width;
}

static void add_blanks(struct buf *out, size_t count)
{
    while (count-- > 0)
        buf_add_char(out, ' ');
}

void output_table(struct buf *out, const char *const *cells, size_t rows, size_t columns)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            size_t width = 0;
            bool right = rows > 1;
            for (size_t i = 0; i < rows; i++) {
                const char *cell = cells[i * columns + column];
                size_t w = cell_width(cell);
                width = w > width ? w : width;
                right = right && (i == 0 || is_number(cell));
            }
            const char *cell = cells[row * columns + column];
            size_t blanks = width - cell_width(cell);
            if (right)
                add_blanks(out, blanks);
            buf_add_text(out, cell);
            if (column + 1 < columns)
                add_blanks(out, (right ? 0 : blanks) + 2);
        }
        buf_add_char(out, '\n');
    }
}

void output_markdown(struct buf *out, const char *const *cells, size_t rows, size_t columns)
{
    for (size_t row = 0; row < rows; row++) {
        buf_add_text(out, "|");
        for (size_t column = 0; column < columns; column++) {
            buf_add_char(out, ' ');
            for (const char *c = cells[row * columns + column]; *c; c++) {
                if (*c == '|')
                    buf_add_char(out, '\\');
                buf_add_char(out, *c);
            }
            buf_add_text(out, " |");
        }
        buf_add_char(out, '\n');
        if (row == 0) {
            buf_add_text(out, "|");
            for (size_t column = 0; column < columns; column++)
                buf_add_text(out, "---|");
            buf_add_char(out, '\n');
        }
    }
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

void output_progress_init(struct output_progress *progress, const char *what, bool quiet)
{
    int64_t now_ns = monotonic_ns();
    *progress = (struct output_progress){.what = what,
                                         .quiet = quiet,
                                         .terminal = isatty(STDERR_FILENO) == 1,
                                         .started_ns = now_ns,
                                         .last_ns = now_ns};
}

void output_progress_step(struct output_progress *progress, uint64_t done, uint64_t total)
{
    enum { EVERY = 4096, BAR = 30 };
    if (progress->quiet || (done < total && done - progress->checked < EVERY))
        return;
    progress->checked = done;
    int64_t now_ns = monotonic_ns();
    int64_t pause_ns = progress->terminal && progress->shown ? TIME_SECOND / 10 : TIME_SECOND;
    if (now_ns - progress->last_ns < pause_ns || total == 0)
        return;
    progress->last_ns = now_ns;
    progress->shown = true;
    int percent = (int)(100 * (done < total ? done : total) / total);
    if (!progress->terminal && total == OUTPUT_SHARE) {
        fprintf(stderr, "%s: %d %%\n", progress->what, percent);
        return;
    }
    if (!progress->terminal) {
        fprintf(stderr, "%s: %d %%, %" PRIu64 " of %" PRIu64 "\n", progress->what, percent, done,
                total);
        return;
    }
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i * 100 < percent * BAR ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r%s [%s] %3d %%", progress->what, bar, percent);
    fflush(stderr);
}

void output_progress_end(struct output_progress *progress)
{
    if (progress->shown && progress->terminal)
        fprintf(stderr, "\r\033[K");
    progress->shown = false;
}
