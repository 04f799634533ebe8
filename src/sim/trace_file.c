/* SPDX-License-Identifier: MIT
 * Reading whole files, zipped or not. */
#include "base/buf.h"
#include "sim/trace.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static enum fw_err read_all(gzFile file, const char *path, struct buf *out,
                            struct fw_detail *detail)
{
    enum { CHUNK = 1 << 18 };
    for (;;) {
        char *room = buf_reserve(out, CHUNK);
        if (!room)
            return err_set(detail, FW_LIMIT, "%s: larger than memory or %zu bytes allow", path,
                           out->max);
        int n = gzread(file, room, CHUNK);
        if (n < 0) {
            int code;
            const char *why = gzerror(file, &code);
            return err_set(detail, code == Z_ERRNO ? FW_IO : FW_INPUT, "%s: %s", path,
                           code == Z_ERRNO ? strerror(errno) : why);
        }
        out->len += (size_t)n;
        if (n < CHUNK) {
            int code;
            (void)gzerror(file, &code);
            if (code == Z_BUF_ERROR)
                return err_set(detail, FW_INPUT,
                               "%s: the compressed data ends early, after %zu bytes of content",
                               path, out->len);
            if (n == 0)
                return FW_OK;
        }
    }
}

enum fw_err trace_load_file(const char *path, struct buf *out, struct fw_detail *detail)
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
    enum fw_err err = read_all(file, standard_input ? "standard input" : path, out, detail);
    gzclose(file);
    return err;
}
