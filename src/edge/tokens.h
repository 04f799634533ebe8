/* SPDX-License-Identifier: MIT
 * Bearer tokens (RFC 6750) and what each may do. A file holds one a line, with its scopes behind
 * it:
 *
 *   # what the dashboard uses
 *   3f9c2c0b7d0e4d5f  observe
 *   a81b6f7f2d9c4c11  observe,warm use
 *
 * Kept as digests; every token of the list is looked at for every question, so that the time taken
 * says nothing. */
#ifndef FOREWARM_EDGE_TOKENS_H
#define FOREWARM_EDGE_TOKENS_H

#include "edge/secret.h"

/* X(scope, bit, name, what it allows) */
#define TOKEN_SCOPES(X)                                                                            \
    X(TOKEN_OBSERVE, 1, "observe", "control plane: read states, reasons, predictions, metrics")    \
    X(TOKEN_WARM, 2, "warm", "control plane: ask for warm-ups, send hints and observations")       \
    X(TOKEN_ADMIN, 4, "admin", "control plane: everything, unload and pin too")                    \
    X(TOKEN_USE, 8, "use", "data plane: send requests to models")
enum token_scope {
#define X(scope, bit, name, sentence) scope = bit,
    TOKEN_SCOPES(X)
#undef X
};

enum { TOKENS_MAX = 1024, TOKENS_FILE_MAX = 1 << 20 };

struct token {
    unsigned char digest[SECRET_DIGEST];
    unsigned scopes;
};
struct tokens {
    struct token *items;
    size_t count;
    unsigned scopes; /* that any of them has */
};

/* Adds one token. */
FW_MUST_CHECK enum fw_err tokens_add(struct tokens *tokens, struct str token, unsigned scopes);
/* Adds a file's; the message names the line and never what is in its first word. */
FW_MUST_CHECK enum fw_err tokens_read(struct tokens *tokens, const char *what, const char *path,
                                      struct fw_detail *detail);
FW_MUST_CHECK enum fw_err tokens_parse(struct tokens *tokens, const char *path, struct str text,
                                       struct fw_detail *detail);
void tokens_fini(struct tokens *tokens);
/* What the bearer of this may do; 0: it is not known. */
unsigned tokens_find(const struct tokens *tokens, struct str token);
/* The token of an Authorization field; empty: there is none. */
struct str tokens_bearer(struct str authorization);
/* "observe or admin" for messages, "observe" for the header: the names of a set of scopes. */
void tokens_describe(unsigned scopes, const char *between, char *text, size_t size);

#endif
