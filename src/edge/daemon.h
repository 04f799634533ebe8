/* SPDX-License-Identifier: MIT
 * `forewarm serve`: everything put together, and taken apart again. SIGHUP reads the configuration
 * anew (a bad one changes nothing), SIGTERM and SIGINT let running requests end; a second one does
 * not wait. */
#ifndef FOREWARM_EDGE_DAEMON_H
#define FOREWARM_EDGE_DAEMON_H

#include "edge/config.h"

/* Runs until a signal. Takes over `config`, which was read from config->path. */
FW_MUST_CHECK enum fw_err daemon_run(struct config *config, option_getenv_fn *getenv_fn,
                                     struct fw_detail *detail);

#endif
