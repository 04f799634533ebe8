/* SPDX-License-Identifier: MIT
 * What the planner hears: a call of an agent began, so these models will be wanted then and then,
 * as likely as that. They are hints like others: one event each, in the journal, and believed as
 * far as the hints before them came true. */
#include "base/time.h"
#include "edge/runs_part.h"
#include <stdlib.h>

#define LEAST_LIKELY 0.1
static const char SOURCE[] = "agents";

/* ---- on the brain's thread ---- */

struct telling {
    struct runs *runs;
    uint64_t session;
    size_t count;
    struct {
        char model[CALLNEXT_MODEL_NAME_MAX + 1];
        double probability;
        int64_t delay_ns;
    } guesses[CALLNEXT_GUESSES_MAX];
};

static uint32_t find_resource(struct brain *brain, const char *name)
{
    const struct config *config = brain_config(brain);
    const char *id = name;
    for (uint32_t i = 0; i < config->resource_count; i++)
        for (uint32_t j = 0; j < config->resources[i].alias_count; j++)
            if (strcmp(config->resources[i].aliases[j], name) == 0)
                id = config->resources[i].id;
    uint32_t resource = brain_find(brain, str_of(id));
    const struct site *site = brain_site(brain, resource);
    return site && site->configured ? resource : TABLE_NONE;
}

static void tell(struct brain *brain, void *context)
{
    struct telling *telling = context;
    for (size_t i = 0; i < telling->count; i++) {
        uint32_t resource = find_resource(brain, telling->guesses[i].model);
        if (resource == TABLE_NONE)
            continue;
        const struct event event = {
            .kind = EVENT_HINT,
            .resource = resource,
            .session = telling->session,
            .eta_ns = telling->guesses[i].delay_ns,
            .probability = telling->guesses[i].probability,
            .source = brain_source(brain, str_of(SOURCE)),
        };
        brain_step(brain, &event);
        atomic_fetch_add(&telling->runs->told, 1);
    }
    free(telling);
}

/* ---- on the runs' thread ---- */

struct notice {
    struct runs_task task;
    uint64_t session;
    uint32_t index, depth;
    struct str agent, path[CALLPATH_DEPTH_MAX];
    char text[];
};

static void guess(struct runs *runs, struct runs_task *task)
{
    struct notice *notice = (struct notice *)task;
    struct callnext_guess guesses[CALLNEXT_GUESSES_MAX];
    size_t count = runs->brain && !runs_stopping(runs)
                       ? callnext_find(runs->next, notice->agent, notice->path, notice->depth,
                                       notice->index, LEAST_LIKELY, guesses)
                       : 0;
    struct telling *telling = count > 0 ? malloc(sizeof *telling) : NULL;
    if (telling) {
        telling->runs = runs;
        telling->session = notice->session;
        telling->count = count;
        for (size_t i = 0; i < count; i++) {
            memcpy(telling->guesses[i].model, guesses[i].model.data, guesses[i].model.len);
            telling->guesses[i].model[guesses[i].model.len] = 0;
            telling->guesses[i].probability = guesses[i].probability;
            telling->guesses[i].delay_ns = guesses[i].delay_ns;
        }
        brain_call(runs->brain, tell, telling);
    }
    free(notice);
}

/* ---- on I/O threads ---- */

static struct str copy(char **to, struct str text)
{
    struct str copied = {*to, text.len};
    memcpy(*to, text.data, text.len);
    *to += text.len;
    return copied;
}

void runs_notice(struct runs *runs, const struct run_head *head, uint32_t depth, uint32_t index,
                 uint64_t session)
{
    size_t bytes = head->agent.len;
    for (uint32_t i = 0; i < depth; i++)
        bytes += head->path[i].len;
    struct notice *notice = malloc(sizeof *notice + bytes);
    if (!notice)
        return;
    char *to = notice->text;
    notice->task.run = guess;
    notice->session = session;
    notice->index = index;
    notice->depth = depth;
    notice->agent = copy(&to, head->agent);
    for (uint32_t i = 0; i < depth; i++)
        notice->path[i] = copy(&to, head->path[i]);
    pthread_mutex_lock(&runs->lock);
    bool full = runs->task_count >= RUNS_QUEUE_MAX || runs->stop;
    pthread_mutex_unlock(&runs->lock);
    if (!full) {
        runs_do(runs, &notice->task);
        return;
    }
    atomic_fetch_add(&runs->dropped, 1);
    free(notice);
}
