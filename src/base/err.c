/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_row rows[FW_ERR_COUNT] = {
#define X(code, name, exit_status, http_status, sentence, next)                                    \
    [code] = {#code, name, exit_status, http_status, sentence, next},
    FW_ERRORS(X)
#undef X
};

const struct err_row *err_row(enum fw_err err)
{
    CHECK((unsigned)err < FW_ERR_COUNT);
    return &rows[err];
}

/* Puts "..." at the end of a text that was cut, in front of a UTF-8 character rather than inside
 * it. */
static void end_with_dots(struct fw_detail *detail)
{
    size_t at = sizeof detail->text - sizeof "...";
    while (at > 0 && ((unsigned char)detail->text[at] & 0xC0) == 0x80)
        at--;
    memcpy(detail->text + at, "...", sizeof "...");
}

enum fw_err err_set(struct fw_detail *detail, enum fw_err err, const char *fmt, ...)
{
    if (!detail)
        return err;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(detail->text, sizeof detail->text, fmt, args);
    va_end(args);
    if (len < 0)
        detail->text[0] = '\0';
    else if ((size_t)len >= sizeof detail->text)
        end_with_dots(detail);
    return err;
}
