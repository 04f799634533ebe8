/* SPDX-License-Identifier: MIT
 * Kubernetes (API reference: apps/v1 Deployment, its scale subresource; server-side apply for
 * managedFields). What this knows of it:
 * - the scale subresource says how many there should be, not whether one serves: ready is what the
 *   deployment's status.readyReplicas counts;
 * - whoever else scales it (an HPA, KEDA, a person) would be fought with. So it is only ever taken
 *   from 0 to 1, and back to 0 when the 1 is ours: metadata.managedFields names who set it last,
 *   over our restarts too. An HPA leaves a deployment at 0 alone;
 * - a change names the version it was made from; when somebody was faster that is 409, and it is
 *   looked at anew;
 * - a pod's token is replaced while we run: its file is read for every call. */
#include "base/time.h"
#include "edge/warmers/ask.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define KIND "Kubernetes"
#define ME   "forewarm"
enum { ATTEMPTS_MAX = 3, MANAGER_MAX = 128 };

/* What one GET of the deployment told. */
struct found {
    int64_t wanted, there, ready;
    bool current; /* the controller has seen the last change */
    char version[64];
    char manager[MANAGER_MAX]; /* who set the number of replicas; "" nobody is named */
    char stuck[200];           /* why no pod comes up; "" it goes on */
};

static int64_t integer_at(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void copy_text(char *to, size_t size, const json_t *from)
{
    const char *text = json_string_value(from);
    snprintf(to, size, "%s", text ? text : "");
}

static void read_manager(const json_t *meta, char manager[MANAGER_MAX])
{
    const json_t *fields = json_object_get(meta, "managedFields");
    manager[0] = 0;
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *entry = json_array_get(fields, i);
        const json_t *spec = json_object_get(json_object_get(entry, "fieldsV1"), "f:spec");
        if (json_object_get(spec, "f:replicas"))
            copy_text(manager, MANAGER_MAX, json_object_get(entry, "manager"));
    }
}

static void read_conditions(const json_t *status, struct found *found)
{
    const json_t *conditions = json_object_get(status, "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *one = json_array_get(conditions, i);
        const char *type = json_string_value(json_object_get(one, "type"));
        const char *value = json_string_value(json_object_get(one, "status"));
        const char *reason = json_string_value(json_object_get(one, "reason"));
        if (!type || !value || !reason)
            continue;
        bool late = strcmp(type, "Progressing") == 0 && strcmp(value, "False") == 0;
        bool failed = strcmp(type, "ReplicaFailure") == 0 && strcmp(value, "True") == 0;
        if (late || failed) {
            const char *message = json_string_value(json_object_get(one, "message"));
            snprintf(found->stuck, sizeof found->stuck, "%.60s: %s", reason,
                     message ? message : "");
        }
    }
}

static enum fw_err refused(struct warmer *warmer, const char *asked, const char *rights,
                           const struct ask_answer *answer, struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    const char *complaint = ask_complaint(answer), *at = ask_server(warmer)->text;
    warmer->refused = true;
    if (answer->status == 401)
        return err_set(detail, FW_UPSTREAM,
                       "Kubernetes at %s does not accept the token of \"%s\" (401 \"%.120s\")", at,
                       config->token_file, complaint);
    if (answer->status == 403)
        return err_set(detail, FW_UPSTREAM, "Kubernetes at %s forbids %s; it needs %s: %.200s", at,
                       asked, rights, complaint);
    if (answer->status == 404 && json_object_get(answer->json, "reason"))
        return err_set(detail, FW_NOT_FOUND, "Kubernetes at %s: %.300s", at, complaint);
    return ask_failed(warmer, KIND, asked, answer, detail);
}

static enum fw_err send(struct warmer *warmer, const char *method, const char *rest,
                        const char *body, struct ask_answer *answer, struct fw_detail *detail)
{
    const struct config_warmer *config = &warmer->config->warmer;
    char path[512];
    snprintf(path, sizeof path, "/apis/apps/v1/namespaces/%s/deployments/%s%s", config->ns,
             config->deployment, rest);
    return ask(warmer, method, path, body, ASK_TIMEOUT_NS, false, answer, detail);
}

static enum fw_err look(struct warmer *warmer, struct found *found, struct fw_detail *detail)
{
    struct ask_answer answer;
    *found = (struct found){0};
    enum fw_err err = send(warmer, "GET", "", NULL, &answer, detail);
    const json_t *meta = json_object_get(answer.json, "metadata");
    const json_t *status = json_object_get(answer.json, "status");
    const char *kind = json_string_value(json_object_get(answer.json, "kind"));
    if (err == FW_OK && (answer.status != 200 || !kind || strcmp(kind, "Deployment") != 0))
        err = refused(warmer, "GET deployments", "the verb get on deployments", &answer, detail);
    if (err == FW_OK) {
        found->wanted = integer_at(json_object_get(answer.json, "spec"), "replicas", 1);
        found->there = integer_at(status, "replicas", 0);
        found->ready = integer_at(status, "readyReplicas", 0);
        found->current =
            integer_at(status, "observedGeneration", 0) >= integer_at(meta, "generation", 0);
        copy_text(found->version, sizeof found->version, json_object_get(meta, "resourceVersion"));
        read_manager(meta, found->manager);
        read_conditions(status, found);
    }
    ask_fini(&answer);
    return err;
}

static bool is_ours(const struct warmer *warmer, const struct found *found)
{
    return found->manager[0] ? strcmp(found->manager, ME) == 0 : warmer->owns;
}

/* From the version that was looked at. FW_IN_USE: somebody was faster. */
static enum fw_err patch(struct warmer *warmer, int replicas, const char *version,
                         struct fw_detail *detail)
{
    struct ask_answer answer;
    char body[200];
    snprintf(body, sizeof body,
             "{\"metadata\":{\"resourceVersion\":\"%s\"},\"spec\":{\"replicas\":%d}}", version,
             replicas);
    enum fw_err err = send(warmer, "PATCH", "/scale?fieldManager=" ME, body, &answer, detail);
    warmer->refused = answer.status == 409;
    if (err == FW_OK && answer.status == 409)
        err = err_set(detail, FW_IN_USE,
                      "Kubernetes at %s: somebody else (an HPA, KEDA, a rollout?) keeps changing "
                      "deployment %s: %.200s",
                      ask_server(warmer)->text, warmer->config->warmer.deployment,
                      ask_complaint(&answer));
    else if (err == FW_OK && answer.status != 200)
        err = refused(warmer, "PATCH deployments/scale",
                      "the verbs get and patch on "
                      "deployments/scale",
                      &answer, detail);
    ask_fini(&answer);
    return err;
}

static enum fw_err scale_up(struct warmer *warmer, struct fw_detail *detail)
{
    struct found found;
    FW_TRY(look(warmer, &found, detail));
    warmer->owns = is_ours(warmer, &found);
    if (found.wanted >= 1)
        return FW_OK; /* whoever did it: there is one */
    FW_TRY(patch(warmer, 1, found.version, detail));
    warmer->owns = true;
    return FW_OK;
}

static enum fw_err scale_down(struct warmer *warmer, struct fw_detail *detail)
{
    struct found found;
    FW_TRY(look(warmer, &found, detail));
    if (found.wanted == 0)
        return FW_OK;
    if (found.wanted == 1 && is_ours(warmer, &found))
        return patch(warmer, 0, found.version, detail);
    warmer->owns = false;
    return err_set(detail, FW_UNSUPPORTED,
                   "deployment %s is left at %lld replicas: \"%s\" set them (an HPA, KEDA, a "
                   "person?), and forewarm takes back only the one that it added itself",
                   warmer->config->warmer.deployment, (long long)found.wanted, found.manager);
}

static enum fw_err insist(struct warmer *warmer,
                          enum fw_err (*scale)(struct warmer *, struct fw_detail *),
                          struct fw_detail *detail)
{
    enum fw_err err = FW_IN_USE;
    for (int i = 0; i < ATTEMPTS_MAX && err == FW_IN_USE; i++)
        err = scale(warmer, detail);
    return err;
}

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = warmer->seen = false;
    FW_TRY(insist(warmer, scale_up, detail));
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    warmer->loaded = false;
    return insist(warmer, scale_down, detail);
}

static enum warmer_state wanted_state(const struct warmer *warmer, const struct found *found,
                                      struct fw_detail *detail)
{
    const char *name = warmer->config->warmer.deployment;
    if (found->wanted == 0) {
        (void)err_set(detail, FW_IN_USE,
                      "deployment %s was scaled to 0 by \"%s\" while it was wanted: two cannot own "
                      "its replicas (see the HPA's or KEDA's minimum)",
                      name, found->manager);
        return WARMER_BROKEN;
    }
    if (found->current && found->ready >= 1)
        return WARMER_LOADED;
    if (found->stuck[0]) {
        (void)err_set(detail, FW_UPSTREAM, "deployment %s: %s", name, found->stuck);
        return strncmp(found->stuck, "ProgressDeadlineExceeded", 24) == 0 ? WARMER_BROKEN
                                                                          : WARMER_LOADING;
    }
    (void)err_set(detail, FW_UPSTREAM, "deployment %s: %lld of %lld pods are ready", name,
                  (long long)found->ready, (long long)found->wanted);
    return WARMER_LOADING;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    struct found found;
    enum fw_err err = look(warmer, &found, detail);
    if (warmer->loaded) {
        /* An API server that does not answer says nothing about the pods. */
        enum warmer_state state = err == FW_OK          ? wanted_state(warmer, &found, detail)
                                  : err == FW_NOT_FOUND ? WARMER_BROKEN
                                  : warmer->seen        ? WARMER_LOADED
                                                        : WARMER_LOADING;
        warmer->seen = state == WARMER_LOADED;
        return state;
    }
    if (err != FW_OK)
        return err == FW_NOT_FOUND ? WARMER_UNLOADED : WARMER_UNLOADING;
    bool left = found.wanted > 0 && !is_ours(warmer, &found); /* to its owner */
    return left || (found.wanted == 0 && found.there == 0) ? WARMER_UNLOADED : WARMER_UNLOADING;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    struct found found;
    (void)saved;
    warmer->loaded = look(warmer, &found, detail) == FW_OK && found.wanted >= 1 && found.ready >= 1;
    warmer->owns = warmer->loaded && is_ours(warmer, &found);
    return warmer->loaded;
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

const struct warmer_ops warmer_kubernetes = {.name = "kubernetes",
                                             .load_blocks = true,
                                             .unload_blocks = true,
                                             .load = load,
                                             .unload = unload,
                                             .state = state,
                                             .adopt = adopt,
                                             .footprint = footprint,
                                             .tells = true};
