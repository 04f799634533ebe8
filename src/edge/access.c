/* SPDX-License-Identifier: MIT */
#include "edge/access.h"
#include "base/time.h"
#include "edge/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SOON_NS (14 * 24 * TIME_HOUR)

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

/* ---- loading ---- */

static enum fw_err load_tokens(struct access *access, const struct config *config,
                               struct fw_detail *detail)
{
    const unsigned control = TOKEN_OBSERVE | TOKEN_WARM | TOKEN_ADMIN;
    if (config->control_token_file[0]) {
        struct secret token;
        enum fw_err err =
            secret_read(&token, "control.token_file", config->control_token_file, detail);
        if (err == FW_OK)
            err = tokens_add(&access->tokens, (struct str){token.bytes, token.len}, control);
        secret_wipe(&token, sizeof token);
        FW_TRY(err);
    }
    if (config->tokens_file[0])
        FW_TRY(tokens_read(&access->tokens, "tokens_file", config->tokens_file, detail));
    access->guards_control = access->tokens.count > 0;
    access->guards_data = (access->tokens.scopes & TOKEN_USE) != 0 || config->edge_count > 0;
    return FW_OK;
}

static enum fw_err load_edge(struct access *access, const struct config *config,
                             struct fw_detail *detail)
{
    if (!config->fallback_edge_id[0])
        return FW_OK;
    if (config->fallback_shared_secret_file[0])
        return secret_read(&access->edge_secret, "fallback.shared_secret_file",
                           config->fallback_shared_secret_file, detail);
    return secret_set(&access->edge_secret, "EDGE_SHARED_SECRET", str_of(config->fallback_secret),
                      detail);
}

static enum fw_err load_core(struct access *access, const struct config *config,
                             struct fw_detail *detail)
{
    struct sign_core *core = &access->core;
    core->skew_ns = config->core_skew_ns;
    if (config->edge_count == 0)
        return FW_OK;
    core->edges = calloc(config->edge_count, sizeof *core->edges);
    if (!core->edges)
        return err_set(detail, FW_NOMEM, "core.edges: no memory for them");
    for (uint32_t i = 0; i < config->edge_count; i++) {
        struct sign_edge *edge = &core->edges[core->count++];
        char what[64 + SIGN_ID_MAX];
        snprintf(edge->id, sizeof edge->id, "%s", config->edges[i].id);
        snprintf(what, sizeof what, "core.edges: %s: secret_file", edge->id);
        FW_TRY(secret_read(&edge->secret, what, config->edges[i].secret_file, detail));
    }
    return nonces_create(&core->nonces, wall_ns() / TIME_MILLISECOND);
}

/* ---- TLS ---- */

static enum fw_err load_certificate(struct tls_context **context, const struct tls_files *files,
                                    struct fw_detail *detail)
{
    if (!files->certificate[0])
        return FW_OK;
    FW_TRY(tls_context_server(context, files, detail));
    int64_t ends_s = tls_context_ends_s(*context), now_s = wall_ns() / TIME_SECOND;
    if (ends_s != 0 && ends_s < now_s)
        log_warn("the certificate has expired", LOG_TEXT("option", files->what),
                 LOG_TEXT("file", files->certificate));
    else if (ends_s != 0 && ends_s < now_s + SOON_NS / TIME_SECOND)
        log_warn("the certificate expires soon", LOG_TEXT("option", files->what),
                 LOG_TEXT("file", files->certificate), LOG_INT("days", (ends_s - now_s) / 86400));
    return FW_OK;
}

/* One context for all addresses with the same file. */
static enum fw_err trust(struct access *access, struct config_url *url, const char *what,
                         struct fw_detail *detail)
{
    const char *file = url->ca_file ? url->ca_file : "";
    if (!url->tls)
        return FW_OK;
    for (size_t i = 0; i < access->authority_count; i++)
        if (strcmp(access->authorities[i].ca_file, file) == 0) {
            url->context = access->authorities[i].context;
            return FW_OK;
        }
    if (access->authority_count >= ACCESS_AUTHORITIES_MAX)
        return err_set(detail, FW_LIMIT, "%s: more than %d different files", what,
                       ACCESS_AUTHORITIES_MAX);
    FW_TRY(tls_context_client(&url->context, what, file, detail));
    access->authorities[access->authority_count++] = (struct access_authority){file, url->context};
    return FW_OK;
}

static enum fw_err load_tls(struct access *access, struct config *config, struct fw_detail *detail)
{
    const struct tls_files data = {"tls", config->tls_certificate, config->tls_key};
    const struct tls_files control = {"control.tls", config->control_tls_certificate,
                                      config->control_tls_key};
    FW_TRY(load_certificate(&access->data_tls, &data, detail));
    FW_TRY(load_certificate(&access->control_tls, &control, detail));
    FW_TRY(trust(access, &config->fallback, "fallback.ca_file", detail));
    for (uint32_t i = 0; i < config->resource_count; i++)
        FW_TRY(trust(access, &config->resources[i].upstream, "ca_file", detail));
    for (uint32_t i = 0; i < config->prefetch_count; i++)
        FW_TRY(trust(access, &config->prefetch[i].upstream, "prefetch.ca_file", detail));
    return FW_OK;
}

enum fw_err access_load(struct config *config, struct fw_detail *detail)
{
    struct access *access = calloc(1, sizeof *access);
    if (!access)
        return err_set(detail, FW_NOMEM, "no memory for tokens and certificates");
    config->access = access;
    FW_TRY(load_tokens(access, config, detail));
    FW_TRY(load_edge(access, config, detail));
    FW_TRY(load_core(access, config, detail));
    FW_TRY(load_tls(access, config, detail));
    return clients_create(&access->clients);
}

void access_inherit(struct config *config, const struct config *before)
{
    struct access *access = config->access;
    const struct access *old = before->access;
    if (!access || !old)
        return;
    if (access->core.nonces && old->core.nonces) {
        nonces_release(&access->core.nonces);
        access->core.nonces = nonces_retain(old->core.nonces);
    }
    if (access->clients && old->clients) {
        clients_release(&access->clients);
        access->clients = clients_retain(old->clients);
    }
}

void access_free(struct access **out)
{
    struct access *access = *out;
    *out = NULL;
    if (!access)
        return;
    tokens_fini(&access->tokens);
    tls_context_release(&access->data_tls);
    tls_context_release(&access->control_tls);
    for (size_t i = 0; i < access->authority_count; i++)
        tls_context_release(&access->authorities[i].context);
    if (access->core.edges)
        secret_wipe(access->core.edges, access->core.count * sizeof *access->core.edges);
    free(access->core.edges);
    nonces_release(&access->core.nonces);
    clients_release(&access->clients);
    secret_wipe(access, sizeof *access);
    free(access);
}

/* ---- the data plane's door ---- */

static void refuse_signature(struct exchange *exchange, const struct server_request *request,
                             enum sign_reason reason)
{
    struct fw_detail message;
    char lines[128];
    snprintf(lines, sizeof lines, SIGN_REFUSED ": %s\r\nWWW-Authenticate: Forewarm-HMAC-SHA256\r\n",
             sign_reason_name(reason));
    err_set(&message, FW_SIGNATURE, "%s: %s", sign_reason_name(reason),
            sign_reason_sentence(reason));
    log_warn("a signed request was refused", LOG_TEXT("reason", sign_reason_name(reason)),
             LOG_STR("peer", request->peer));
    exchange_error_with(exchange, FW_SIGNATURE, -1, str_of(message.text), str_of(lines));
}

static void refuse_token(struct exchange *exchange, bool sent, unsigned scopes)
{
    if (scopes != 0) {
        exchange_error_with(exchange, FW_FORBIDDEN, -1,
                            STR("this token may not send requests to models: it lacks the scope "
                                "use"),
                            STR("WWW-Authenticate: Bearer realm=\"forewarm\", "
                                "error=\"insufficient_scope\", scope=\"use\"\r\n"));
        return;
    }
    exchange_error_with(exchange, FW_UNAUTHORIZED, -1,
                        STR("this request needs the header Authorization: Bearer TOKEN"),
                        sent ? STR("WWW-Authenticate: Bearer realm=\"forewarm\", "
                                   "error=\"invalid_token\"\r\n")
                             : STR("WWW-Authenticate: Bearer realm=\"forewarm\"\r\n"));
}

bool access_admits(const struct config *config, struct exchange *exchange,
                   const struct server_request *request, bool *strip, enum server_refusal *why)
{
    const struct access *access = config->access;
    *strip = false;
    if (!access || !access->guards_data)
        return true;
    bool takes_tokens = (access->tokens.scopes & TOKEN_USE) != 0;
    bool is_signed = server_field_get(request, SIGN_SIGNATURE).data != NULL;
    if (access->core.count > 0 && (is_signed || !takes_tokens)) {
        enum sign_reason reason = sign_check(&access->core, request, wall_ns());
        if (reason == SIGN_OK)
            return true;
        *why = SERVER_REFUSED_SIGNATURE;
        refuse_signature(exchange, request, reason);
        return false;
    }
    struct str own = server_field_get(request, "x-forewarm-token");
    struct str bearer = tokens_bearer(server_field_get(request, "authorization"));
    struct str token = own.data ? str_trim(own) : bearer;
    unsigned scopes = tokens_find(&access->tokens, token);
    if (scopes & TOKEN_USE) {
        *strip = !own.data;
        return true;
    }
    *why = SERVER_REFUSED_TOKEN;
    refuse_token(exchange, token.len > 0, scopes);
    return false;
}
