/* SPDX-License-Identifier: MIT
 * Inside TLS: connections (tls.c) and what they share (tls_context.c). */
#ifndef FOREWARM_EDGE_TLS_PART_H
#define FOREWARM_EDGE_TLS_PART_H

#include "edge/tls.h"
#include <openssl/ssl.h>

SSL_CTX *tls_context_ssl(const struct tls_context *context);

#endif
