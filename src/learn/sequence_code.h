/* SPDX-License-Identifier: MIT
 * What was learned of sequences, written and read back: a learner that is written, read and goes on
 * tells the same as one that just went on. The latest prediction is not part of it: what is read
 * learns its weights from the next prediction on. Damage is found out, and never followed. */
#ifndef FOREWARM_LEARN_SEQUENCE_CODE_H
#define FOREWARM_LEARN_SEQUENCE_CODE_H

#include "base/buf.h"
#include "learn/sequence.h"

/* Sets out->failed when it does not fit. */
void sequence_write(struct sequence *sequence, struct buf *out);
/* FW_INPUT: damaged, or written by another version; *out is then NULL. */
FW_MUST_CHECK enum fw_err sequence_read(struct sequence **out, struct buf_reader *in);

#endif
