/* SPDX-License-Identifier: MIT
 * Inside simulate: faults.c drives and checks, faults_stimuli.c chooses what happens. */
#ifndef FOREWARM_SIM_FAULTS_PART_H
#define FOREWARM_SIM_FAULTS_PART_H

#include "core/engine.h"
#include "sim/faults.h"

struct faults {
    struct prng prng;
    struct engine_settings settings;
    struct resource_settings resources[HOSTILE_RESOURCES_MAX];
    bool configured[HOSTILE_RESOURCES_MAX];
    struct engine *engine;
    struct engine *twin; /* loaded from a snapshot of the engine, told the same since; NULL none */
    struct action_list actions, twin_actions;
    struct hostile world;
    struct buf snapshot; /* the latest, for restarts */
    int64_t now_ns;
    struct faults_result *result;
    struct buf *log;
};

/* Setup from the seed: settings, resources, how hostile the world is. */
void faults_choose(struct faults *faults);
/* Names the policy, budget and so on. */
void faults_describe(const struct faults *faults, char *text, size_t size);
/* One random happening at faults->now_ns. */
FW_MUST_CHECK enum fw_err faults_happen(struct faults *faults);
/* Tells the engine (and its twin), performs what follows, checks. */
FW_MUST_CHECK enum fw_err faults_tell(struct faults *faults, struct event *event);
FW_MUST_CHECK enum fw_err faults_introduce(struct faults *faults, uint32_t resource);
FW_MUST_CHECK enum fw_err faults_snapshot(struct faults *faults);
FW_MUST_CHECK enum fw_err faults_restart(struct faults *faults);

#endif
