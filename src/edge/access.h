/* SPDX-License-Identifier: MIT
 * Who may do what: what the configuration's secret files hold, read once with it and swapped with
 * it. Tokens, the secret that signs requests to the core, the secrets of the edges, certificates.
 * What must outlive a reload (nonces, what clients have used up) is handed on. */
#ifndef FOREWARM_EDGE_ACCESS_H
#define FOREWARM_EDGE_ACCESS_H

#include "edge/clients.h"
#include "edge/config.h"
#include "edge/sign.h"
#include "edge/tls.h"
#include "edge/tokens.h"

enum { ACCESS_AUTHORITIES_MAX = 64 };

struct access_authority { /* one ca_file, and what was made of it */
    const char *ca_file;
    struct tls_context *context;
};

struct access {
    struct tokens tokens;
    bool guards_control; /* the control plane asks for a token */
    bool guards_data;    /* the data plane asks for a token or, as a core, a signature */
    struct tls_context *data_tls, *control_tls; /* NULL: plain */
    struct secret edge_secret; /* absent: requests to the fallback are not signed */
    struct sign_core core;     /* count 0: this is no core */
    struct clients *clients;
    struct access_authority authorities[ACCESS_AUTHORITIES_MAX];
    size_t authority_count;
};

/* Reads every file that `config` names and hangs the result into it. The message names the option
 * and the file. */
FW_MUST_CHECK enum fw_err access_load(struct config *config, struct fw_detail *detail);
/* After a reload: the nonces and clients of the configuration before go on. */
void access_inherit(struct config *config, const struct config *before);
void access_free(struct access **access);

/* May this request to the data plane be served? If not it has been answered, and `why` is set.
 * `strip`: its Authorization field is ours and must not leave. */
bool access_admits(const struct config *config, struct exchange *exchange,
                   const struct server_request *request, bool *strip, enum server_refusal *why);

#endif
