/* SPDX-License-Identifier: MIT
 * What transitions.c and transitions_table.c share. */
#ifndef FOREWARM_LEARN_TRANSITIONS_PART_H
#define FOREWARM_LEARN_TRANSITIONS_PART_H

#include "learn/transitions.h"

/* NULL: not known. */
struct transition_cell *transitions_find(const struct transitions *transitions, uint32_t before,
                                         uint32_t last);
/* The context's cell, made if need be. */
FW_MUST_CHECK enum fw_err transitions_place(struct transitions *transitions, uint32_t before,
                                            uint32_t last, int64_t now_ns,
                                            struct transition_cell **cell);
void transition_delay_count(uint8_t delays[TRANSITION_DELAYS], int64_t delay_ns);
void transition_cell_init(struct transition_cell *cell);

#endif
