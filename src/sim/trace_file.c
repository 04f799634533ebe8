/* SPDX-License-Identifier: MIT
 * Reading whole files, zipped or not. */
#include "base/buf.h"
#include "sim/trace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static enum fw_err read_all(gzFile file, const char *path, trace_feed_fn *feed, void *context,
                            struct fw_detail *detail)
{
    enum { CHUNK = 1 << 17 };
    char *chunk = malloc(CHUNK);
    enum fw_err err = chunk ? FW_OK : err_set(detail, FW_NOMEM, "%s: no memory to read it", path);
    size_t total = 0;
    int code = Z_OK, n = CHUNK;
    while (err == FW_OK && n == CHUNK) {
        n = gzread(file, chunk, CHUNK);
        if (n > 0)
            err = feed(context, chunk, (size_t)n);
        total += n > 0 ? (size_t)n : 0;
    }
    const char *why = gzerror(file, &code);
    if (err == FW_OK && n < 0)
        err = err_set(detail, code == Z_ERRNO ? FW_IO : FW_INPUT, "%s: %s", path,
                      code == Z_ERRNO ? strerror(errno) : why);
    else if (err == FW_OK && code == Z_BUF_ERROR)
        err =
            err_set(detail, FW_INPUT,
                    "%s: the compressed data ends early, after %zu bytes of content", path, total);
    free(chunk);
    return err;
}

enum fw_err trace_feed_file(const char *path, trace_feed_fn *feed, void *context,
                            struct fw_detail *detail)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(detail, errno == ENOENT ? FW_NOT_FOUND : FW_IO, "%s: %s", path,
                       strerror(errno));
    gzFile file = gzdopen(fd, "rb");
    if (!file) {
        close(fd);
        return err_set(detail, FW_NOMEM, "%s: no memory to read it", path);
    }
    (void)gzbuffer(file, 1 << 17);
    enum fw_err err =
        read_all(file, standard_input ? "standard input" : path, feed, context, detail);
    gzclose(file);
    return err;
}

struct loading {
    struct buf *out;
    const char *path;
    struct fw_detail *detail;
};

static enum fw_err load(void *context, const char *data, size_t len)
{
    struct loading *loading = context;
    buf_add(loading->out, data, len);
    if (!loading->out->failed)
        return FW_OK;
    return err_set(loading->detail, FW_LIMIT, "%s: larger than memory or %zu bytes allow",
                   loading->path, loading->out->max);
}

enum fw_err trace_load_file(const char *path, struct buf *out, struct fw_detail *detail)
{
    struct loading loading = {out, path, detail};
    return trace_feed_file(path, load, &loading, detail);
}
