/* SPDX-License-Identifier: MIT
 * Secrets: read from files, kept as digests where the secret itself is not needed, compared in a
 * time that does not depend on how much of them is right. They never enter a message. */
#ifndef FOREWARM_EDGE_SECRET_H
#define FOREWARM_EDGE_SECRET_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>

enum {
    SECRET_MIN = 8,    /* shorter ones can be guessed */
    SECRET_MAX = 1024, /* and longer ones are the wrong file */
    SECRET_DIGEST = 32 /* SHA-256 */
};

struct secret {
    char bytes[SECRET_MAX + 1];
    size_t len; /* 0: absent */
};

/* The first line without the blanks around it. `what` ("fallback.shared_secret_file") and the path
 * go into the messages, what is in the file does not. */
FW_MUST_CHECK enum fw_err secret_read(struct secret *secret, const char *what, const char *path,
                                      struct fw_detail *detail);
/* The same from a text, such as an environment variable's. */
FW_MUST_CHECK enum fw_err secret_set(struct secret *secret, const char *what, struct str text,
                                     struct fw_detail *detail);
void secret_wipe(void *bytes, size_t len);

void secret_digest(struct str text, unsigned char digest[SECRET_DIGEST]);
bool secret_same(const void *a, const void *b, size_t len);
/* `out`: 2 * len + 1 bytes, lower-case. */
void secret_hex(const unsigned char *bytes, size_t len, char *out);

#endif
