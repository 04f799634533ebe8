/* SPDX-License-Identifier: MIT
 * What outlives the process: restoring it, taking over what still runs, saving. */
#include "base/time.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include "edge/warmers/procfs.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#define STOP_POLL_MS 10

/* ---- restoring ---- */

static enum fw_err restore_engine(struct brain *brain, const struct store_content *content,
                                  struct fw_detail *detail)
{
    struct fw_detail why = {{0}};
    FW_TRY(engine_create(&brain->engine, &brain->config->engine, NULL, detail));
    if (content->engine.len == 0)
        return FW_OK;
    enum fw_err err = engine_load(brain->engine, content->engine.data, content->engine.len, &why);
    if (err != FW_OK)
        return err_set(detail, err,
                       "state: \"%s\": the engine's snapshot: %.200s; it was left as it is: move "
                       "it away to start afresh",
                       brain->config->state, why.text[0] ? why.text : err_row(err)->sentence);
    return FW_OK;
}

static bool take_sources(struct brain *brain, struct store_content *content)
{
    brain->sources = content->sources;
    brain->source_count = content->source_count;
    content->sources = NULL;
    content->source_count = 0;
    return true;
}

/* Before the first event: the engine as it was, with the world forgotten, and the journal's
 * beginning. */
enum fw_err brain_restore(struct brain *brain, struct store_content *content,
                          struct fw_detail *detail)
{
    FW_TRY(restore_engine(brain, content, detail));
    take_sources(brain, content);
    int64_t wall_ns = jobs_wall_ns();
    brain->now_ns = content->at_ns > wall_ns ? content->at_ns : wall_ns;
    brain->monotonic_ns = jobs_now_ns();
    brain->stepped_ns = brain->now_ns;
    engine_forget_world(brain->engine, brain->now_ns);
    if (brain->config->journal[0]) {
        FW_TRY(
            journal_file_open(&brain->journal, brain->config->journal, brain->setup.jobs, detail));
        journal_file_begin(brain->journal, &brain->config->engine, brain->engine);
        brain->marked_ns = brain->now_ns;
    }
    for (uint32_t i = 0; i < content->resource_count; i++) {
        struct str id = str_of(content->resources[i].id);
        uint32_t number = engine_resource(brain->engine, id);
        if (number == TABLE_NONE)
            continue;
        if (!brain_make_place(brain, number, id))
            return FW_NOMEM;
        brain->places[number].site->learned = content->resources[i].learned;
    }
    return FW_OK;
}

/* ---- what still runs ---- */

static bool is_exec(const struct config *config, const char *id)
{
    for (uint32_t i = 0; i < config->resource_count; i++)
        if (strcmp(config->resources[i].id, id) == 0)
            return config->resources[i].warmer.kind == WARMER_EXEC;
    return false;
}

/* Commands of resources that are no longer configured: nobody will ask for them. */
void brain_stop_orphans(const struct brain *brain, const struct store_content *content)
{
    for (uint32_t i = 0; i < content->resource_count; i++) {
        const struct store_resource *kept = &content->resources[i];
        bool wanted = is_exec(brain->config, kept->id);
        pid_t pid = (pid_t)kept->child.pid;
        struct fw_detail detail = {{0}};
        if (pid <= 1 || wanted)
            continue;
        if (procfs_start_time(pid) == kept->child.start_time) {
            log_info("stopping the command of a resource that is no longer configured",
                     LOG_TEXT("resource", kept->id), LOG_INT("pid", pid));
            kill(-pid, SIGTERM);
            for (int waited = 0; waited < 2000 && procfs_group_lives(pid); waited += STOP_POLL_MS)
                poll(NULL, 0, STOP_POLL_MS);
            kill(-pid, SIGKILL);
        }
        if (brain->setup.store->ops->save_child(brain->setup.store, kept->id,
                                                &(struct saved_child){.command = ""},
                                                &detail) != FW_OK)
            log_warn("a stopped command stays written down", LOG_TEXT("resource", kept->id),
                     LOG_TEXT("reason", detail.text));
    }
}

void brain_adopt_all(struct brain *brain, const struct store_content *content)
{
    for (uint32_t i = 0; i < brain->place_count; i++) {
        struct brain_place *place = &brain->places[i];
        struct saved_child saved = {.command = ""};
        if (!place->site || !place->site->configured || place->adoption_tried ||
            !warmer_proves(place->site->config))
            continue;
        place->adoption_tried = true;
        for (uint32_t j = 0; j < content->resource_count; j++)
            if (strcmp(content->resources[j].id, place->site->id) == 0 &&
                content->resources[j].child.pid != 0)
                saved = content->resources[j].child;
        bool runs = place->site->config->warmer.kind == WARMER_EXEC && saved.pid != 0;
        if (place->busy || !(runs || warmer_tells(place->site->config)))
            continue;
        pthread_mutex_lock(&brain->mailbox.lock);
        brain->mailbox.adopting++;
        pthread_mutex_unlock(&brain->mailbox.lock);
        place->busy = true;
        site_adopt(place->site, &saved);
    }
}

/* ---- saving ---- */

static bool collect(struct brain *brain)
{
    struct store_content *content = &brain->content;
    store_content_fini(content);
    content->at_ns = brain->stepped_ns;
    buf_init(&content->engine, STORE_SNAPSHOT_MAX);
    content->resources = calloc(brain->place_count + 1, sizeof *content->resources);
    content->sources = calloc(brain->source_count + 1, sizeof *content->sources);
    if (!content->resources || !content->sources ||
        engine_save(brain->engine, &content->engine) != FW_OK)
        return false;
    for (uint32_t i = 0; i < brain->place_count; i++) {
        struct site *site = brain->places[i].site;
        if (!site)
            continue;
        struct store_resource *resource = &content->resources[content->resource_count++];
        memcpy(resource->id, site->id, sizeof resource->id);
        pthread_mutex_lock(&site->lock);
        resource->learned = site->learned;
        pthread_mutex_unlock(&site->lock);
    }
    for (uint32_t i = 0; i < brain->source_count; i++) {
        content->sources[i] = strdup(brain->sources[i]);
        if (!content->sources[i])
            return false;
        content->source_count++;
    }
    return true;
}

/* One clear line when it begins to fail and one when it works again, not one a second. */
static void note_save(struct brain *brain, enum fw_err err)
{
    if (err != FW_OK && !brain->save_failing)
        log_error(
            "the state cannot be saved; the daemon goes on",
            LOG_TEXT("reason", brain->save_detail.text),
            LOG_TEXT("next", "make room or correct the path; saving is tried again every second"));
    if (err == FW_OK && brain->save_failing)
        log_info("the state is saved again");
    brain->save_failing = err != FW_OK;
}

static void save_done(struct brain *brain, void *context)
{
    (void)context;
    enum fw_err err = (enum fw_err)atomic_load(&brain->save_err);
    note_save(brain, err);
    brain->saving = false;
    brain->changed |= err != FW_OK;
}

static void save_job(struct job *job)
{
    struct brain *brain = (struct brain *)((char *)job - offsetof(struct brain, save_job));
    brain->save_detail.text[0] = 0;
    enum fw_err err =
        brain->setup.store->ops->save(brain->setup.store, &brain->content, &brain->save_detail);
    atomic_store(&brain->save_err, (int)err);
    brain_call(brain, save_done, NULL);
}

void brain_save_if_changed(struct brain *brain)
{
    if (!brain->changed || brain->saving || !brain->setup.store->ops->lasting ||
        jobs_now_ns() < brain->save_not_before_ns)
        return;
    int64_t began_ns = jobs_now_ns();
    if (!collect(brain)) {
        (void)err_set(&brain->save_detail, FW_NOMEM, "not enough memory for a snapshot");
        note_save(brain, FW_NOMEM);
        return;
    }
    /* A large engine is saved less often, so that saving never takes much of the brain's time. */
    brain->save_not_before_ns = began_ns + (jobs_now_ns() - began_ns) * BRAIN_SAVE_SHARE;
    brain->changed = false;
    brain->saving = true;
    brain->save_job.run = save_job;
    jobs_submit(brain->setup.jobs, &brain->save_job, 0);
}

void brain_save_last(struct brain *brain)
{
    if (!brain->setup.store->ops->lasting)
        return;
    enum fw_err err = collect(brain) ? brain->setup.store->ops->save(
                                           brain->setup.store, &brain->content, &brain->save_detail)
                                     : FW_NOMEM;
    if (err != FW_OK)
        log_error("the state could not be saved at the end", LOG_TEXT("error", err_row(err)->name),
                  LOG_TEXT("reason", brain->save_detail.text),
                  LOG_TEXT("next", "what was learned since the last save is lost"));
}

/* ---- the end ---- */

static bool signal_all(struct brain *brain, int signal_number)
{
    bool any = false;
    for (uint32_t i = 0; i < brain->place_count; i++)
        if (brain->places[i].site)
            any |= site_stop_now(brain->places[i].site, signal_number);
    return any;
}

static int64_t longest_stop(const struct brain *brain)
{
    int64_t longest_ns = TIME_SECOND;
    for (uint32_t i = 0; i < brain->place_count; i++) {
        const struct site *site = brain->places[i].site;
        if (site && site->warmer.child && site->warmer.config &&
            site->warmer.config->warmer.stop_timeout_ns > longest_ns)
            longest_ns = site->warmer.config->warmer.stop_timeout_ns;
    }
    return longest_ns;
}

static void stop_children(struct brain *brain)
{
    int64_t kill_at_ns = jobs_now_ns() + longest_stop(brain);
    bool alive = signal_all(brain, SIGTERM), killed = false;
    while (alive && jobs_now_ns() < kill_at_ns + 5 * TIME_SECOND) {
        poll(NULL, 0, STOP_POLL_MS);
        alive = signal_all(brain, 0);
        if (alive && !killed && jobs_now_ns() >= kill_at_ns) {
            killed = true;
            alive = signal_all(brain, SIGKILL);
        }
    }
    for (uint32_t i = 0; i < brain->place_count; i++) {
        struct site *site = brain->places[i].site;
        struct fw_detail detail = {{0}};
        if (site && site->warmer.child && !child_running(site->warmer.child) &&
            brain->setup.store->ops->save_child(brain->setup.store, site->id,
                                                &(struct saved_child){.command = ""},
                                                &detail) != FW_OK)
            log_warn("a stopped command stays written down", LOG_TEXT("resource", site->id),
                     LOG_TEXT("reason", detail.text));
    }
}

void brain_finish(struct brain *brain)
{
    if (!brain || !brain->engine)
        return;
    brain_save_last(brain);
    brain_keep_demand_last(brain);
    if (!brain->config->keep_children || !brain->setup.store->ops->children)
        stop_children(brain);
    journal_file_close(&brain->journal, brain->engine);
}
