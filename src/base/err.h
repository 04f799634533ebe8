/* SPDX-License-Identifier: MIT
 * Errors: one table, three kinds (docs/decisions/0002-errors.md).
 * The world failed or the input is wrong: a function returns `enum fw_err`, and a sentence with the
 * place goes into a caller-owned `struct fw_detail`. We are wrong: CHECK (check.h). */
#ifndef FOREWARM_BASE_ERR_H
#define FOREWARM_BASE_ERR_H

#include <stddef.h>

#define FW_MUST_CHECK        __attribute__((warn_unused_result))
#define FW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* X(code, name, exit status of a command, HTTP status, sentence, next step) */
#define FW_ERRORS(X)                                                                               \
    X(FW_OK, "ok", 0, 200, "Done.", "Nothing to do.")                                              \
    X(FW_NO, "no", 1, 200, "The answer is no: a check failed.",                                    \
      "Read the lines above for what failed.")                                                     \
    X(FW_USAGE, "usage", 2, 400, "The command line was not understood.",                           \
      "Run the command with --help.")                                                              \
    X(FW_INPUT, "invalid_input", 2, 400, "The input is not valid.",                                \
      "Correct the place that is named.")                                                          \
    X(FW_LIMIT, "limit", 2, 413, "A configured limit was reached.",                                \
      "Raise the limit that is named, or send less.")                                              \
    X(FW_NOMEM, "out_of_memory", 3, 503, "There was not enough memory.",                           \
      "Lower the limits or add memory.")                                                           \
    X(FW_IO, "io", 3, 500, "A file or socket could not be read or written.",                       \
      "See the system's reason beside it.")                                                        \
    X(FW_NOT_FOUND, "not_found", 2, 404, "There is no such thing.", "Check the name.")             \
    X(FW_EXISTS, "exists", 2, 409, "It exists already.", "Choose another name or remove it.")      \
    X(FW_IN_USE, "in_use", 3, 409, "Something else is using it.",                                  \
      "Stop the other user or choose another address.")                                            \
    X(FW_TIMEOUT, "timeout", 3, 504, "It took longer than allowed.",                               \
      "Raise the time limit that is named, or see why it is slow.")                                \
    X(FW_UNREACHABLE, "upstream_unreachable", 3, 502, "The upstream could not be reached.",        \
      "Check that it runs and listens at the configured address.")                                 \
    X(FW_UPSTREAM, "upstream_failed", 3, 502, "The upstream failed while answering.",              \
      "See its log.")                                                                              \
    X(FW_UPSTREAM_SLOW, "upstream_timeout", 3, 504, "The upstream did not answer in time.",        \
      "See its log, or raise upstream_timeout.")                                                   \
    X(FW_VERSION, "newer_version", 3, 500, "The file was written by a newer forewarm.",            \
      "Use that version, or move the file away to start afresh.")                                  \
    X(FW_CORRUPT, "corrupt", 3, 500, "The file is damaged.",                                       \
      "Move it away to start afresh, or restore a copy.")                                          \
    X(FW_FOREIGN, "not_ours", 3, 500, "The file was not written by forewarm.",                     \
      "Name another path; it was left as it is.")                                                  \
    X(FW_SPAWN, "spawn_failed", 3, 502, "A command could not be started.",                         \
      "Check the command and its permissions.")                                                    \
    X(FW_PROBE, "probe_failed", 3, 502, "The probe was not answered as expected.",                 \
      "See the expected and the found answer.")                                                    \
    X(FW_UNSUPPORTED, "unsupported", 2, 501, "This is not supported.",                             \
      "See the documentation for what is.")                                                        \
    X(FW_CANCELLED, "cancelled", 3, 499, "It was cancelled.", "Try again if it is still wanted.")  \
    X(FW_CLOSED, "closed", 3, 503, "It is shutting down.", "Try again once it runs.")              \
    X(FW_MODEL_MISSING, "model_missing", 2, 400, "The request names no model.",                    \
      "Name one of the configured models.")                                                        \
    X(FW_MODEL_UNKNOWN, "model_not_found", 2, 404, "No configured resource has this name.",        \
      "GET /v1/models lists the names.")                                                           \
    X(FW_MODEL_WARMING, "model_warming", 3, 503, "The model is not warm yet.",                     \
      "Try again after Retry-After seconds.")                                                      \
    X(FW_MODEL_FAILED, "model_failed", 3, 503, "The model could not be made warm.",                \
      "See `forewarm why` and the model server's log.")                                            \
    X(FW_OVERLOADED, "overloaded", 3, 503, "Too many requests are waiting.",                       \
      "Try again after Retry-After seconds.")                                                      \
    X(FW_BUDGET, "budget_spent", 3, 503, "The budget for loading models is spent.",                \
      "Try again after Retry-After seconds, or raise the budget that is named.")                   \
    X(FW_BAD_REQUEST, "bad_request", 2, 400, "The HTTP request is malformed.",                     \
      "Correct the request.")                                                                      \
    X(FW_HEAD_TOO_LARGE, "head_too_large", 2, 431, "The request head is too large.",               \
      "Send fewer or shorter headers.")                                                            \
    X(FW_BODY_TOO_LARGE, "body_too_large", 2, 413, "The request body is too large.",               \
      "Send less, or raise max_body.")                                                             \
    X(FW_MEDIA_TYPE, "unsupported_media_type", 2, 415, "The body's encoding cannot be read.",      \
      "Send it without Content-Encoding.")                                                         \
    X(FW_NOT_IMPLEMENTED, "not_implemented", 2, 501, "This part of HTTP is not offered.",          \
      "Use plain HTTP/1.1 requests.")                                                              \
    X(FW_HTTP_VERSION, "http_version", 2, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken.",           \
      "Use HTTP/1.1.")                                                                             \
    X(FW_REQUEST_TIMEOUT, "request_timeout", 2, 408, "The request did not arrive in time.",        \
      "Send it faster.")                                                                           \
    X(FW_METHOD, "method_not_allowed", 2, 405, "This method does not apply to this address.",      \
      "See docs/reference/openapi.json.")                                                          \
    X(FW_UNAUTHORIZED, "unauthorized", 2, 401, "The call carries no valid token.",                 \
      "Send Authorization: Bearer with a token of control.token_file or tokens_file.")             \
    X(FW_FORBIDDEN, "forbidden", 2, 403, "This call is not allowed from there.",                   \
      "Use a token with the scope that is named, or add the page's origin to allowed_origins.")    \
    X(FW_SIGNATURE, "signature_refused", 2, 401, "The request's signature was not accepted.",      \
      "See the reason beside it: clocks, secrets, or a request that was sent twice.")              \
    X(FW_RATE, "too_many_requests", 2, 429, "This client sends more than it may.",                 \
      "Try again after Retry-After seconds, or raise client_requests or client_connections.")      \
    X(FW_CERTIFICATE, "certificate_refused", 3, 502,                                               \
      "The upstream's certificate is not accepted.",                                               \
      "Renew it, correct the address, or name its authority in ca_file.")

enum fw_err {
#define X(code, name, exit_status, http_status, sentence, next) code,
    FW_ERRORS(X)
#undef X
        FW_ERR_COUNT
};

/* What happened in words: file, line, key, what was found and what was expected. */
struct fw_detail {
    char text[512];
};

struct err_row {
    const char *code; /* "FW_INPUT" */
    const char *name; /* "invalid_input", also the `code` of an HTTP error */
    int exit_status;  /* of a command that ends with it: 0 done, 1 no, 2 wrong input, 3 the world
                         failed */
    int http_status;
    const char *sentence;
    const char *next; /* what the user can do */
};

/* The row of an error; never NULL. */
const struct err_row *err_row(enum fw_err err);

/* Writes the sentence into `detail` (may be NULL) and returns `err`, so that a failing function
 * ends with `return err_set(detail, FW_INPUT, "%s:%d: ...", ...)`. Texts past the size end in
 * "...". */
enum fw_err err_set(struct fw_detail *detail, enum fw_err err, const char *fmt, ...)
    FW_PRINTF(3, 4);

#define FW_TRY(expression)                                                                         \
    do {                                                                                           \
        enum fw_err fw_try_result = (expression);                                                  \
        if (fw_try_result != FW_OK)                                                                \
            return fw_try_result;                                                                  \
    } while (0)

#endif
