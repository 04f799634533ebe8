/* SPDX-License-Identifier: MIT
 * Inside synth: one file a profile. */
#ifndef FOREWARM_SIM_SYNTH_PART_H
#define FOREWARM_SIM_SYNTH_PART_H

#include "sim/synth.h"

enum fw_err synth_add(struct synth *synth, int64_t at_ns, uint32_t resource, uint64_t session,
                      int64_t duration_ns);
int64_t synth_duration_ns(struct prng *prng, int64_t median_ns);
enum fw_err synth_sessions(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_pipelines(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_cron(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_office(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_daily(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_launch(struct synth *synth, const struct synth_settings *settings);
enum fw_err synth_servegen(struct synth *synth, const struct synth_settings *settings,
                           struct str clients, const char *name, struct fw_detail *detail);

#endif
