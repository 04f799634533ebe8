/* SPDX-License-Identifier: MIT
 * A fitted Prophet-style model as bytes and back, so that it is trained once: what it predicts is
 * the same to the last bit, and rows can be added to it where they could be before. */
#ifndef FOREWARM_FORECAST_PROPHET_STORE_H
#define FOREWARM_FORECAST_PROPHET_STORE_H

#include "forecast/prophet.h"

enum { PROPHET_STORE_BYTES_MAX = 1 << 28 };

void prophet_save(const struct prophet *prophet, struct buf *out);
/* FW_FOREIGN: not such a model; FW_VERSION: of a newer one; FW_CORRUPT: damaged. */
FW_MUST_CHECK enum fw_err prophet_load(struct str data, struct prophet **prophet,
                                       struct fw_detail *detail);

#endif
