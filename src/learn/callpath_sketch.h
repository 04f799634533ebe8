/* SPDX-License-Identifier: MIT
 * The histogram behind callpath_stat.h, and the means that fade. A bucket is found by the exponent
 * and the first six bits of the fraction, so no logarithm is taken. */
#ifndef FOREWARM_LEARN_CALLPATH_SKETCH_H
#define FOREWARM_LEARN_CALLPATH_SKETCH_H

#include "learn/callpath_stat.h"

/* *sketch is made when it is NULL and moved when it grows. */
FW_MUST_CHECK enum fw_err callpath_sketch_add(struct callpath_sketch **sketch,
                                              const struct callpath_fading *fading, double value,
                                              int32_t step, uint64_t *bytes);
void callpath_sketch_free(struct callpath_sketch **sketch, uint64_t *bytes);
void callpath_sketch_read(const struct callpath_sketch *sketch, bool whole,
                          struct callpath_metric *metric);
FW_MUST_CHECK enum fw_err callpath_sketch_merge(struct callpath_sketch **into,
                                                const struct callpath_sketch *from,
                                                uint64_t *bytes);
void callpath_sketch_save(const struct callpath_sketch *sketch, struct buf *out);
FW_MUST_CHECK enum fw_err callpath_sketch_load(struct callpath_sketch **sketch,
                                               struct buf_reader *in, uint64_t *bytes);

#endif
