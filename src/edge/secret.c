/* SPDX-License-Identifier: MIT */
#include "edge/secret.h"
#include "base/check.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

void secret_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

bool secret_same(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_digest(struct str text, unsigned char digest[SECRET_DIGEST])
{
    CHECK(SHA256((const unsigned char *)text.data, text.len, digest) != NULL);
}

void secret_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = 0;
}

enum fw_err secret_set(struct secret *secret, const char *what, struct str text,
                       struct fw_detail *detail)
{
    text = str_trim(text);
    secret->len = 0;
    if (text.len < SECRET_MIN || text.len > SECRET_MAX)
        return err_set(detail, FW_INPUT, "%s: found %zu bytes, expected %d to %d in the first line",
                       what, text.len, SECRET_MIN, SECRET_MAX);
    memcpy(secret->bytes, text.data, text.len);
    secret->bytes[text.len] = 0;
    secret->len = text.len;
    return FW_OK;
}

enum fw_err secret_read(struct secret *secret, const char *what, const char *path,
                        struct fw_detail *detail)
{
    char line[SECRET_MAX + 64], place[256];
    FILE *file = fopen(path, "re");
    secret->len = 0;
    if (!file)
        return err_set(detail, FW_IO, "%s: \"%s\" cannot be read: %s", what, path, strerror(errno));
    char *found = fgets(line, sizeof line, file);
    fclose(file);
    snprintf(place, sizeof place, "%s: \"%.180s\"", what, path);
    enum fw_err err = secret_set(secret, place, found ? str_of(line) : STR(""), detail);
    secret_wipe(line, sizeof line);
    return err;
}
