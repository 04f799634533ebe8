/* SPDX-License-Identifier: MIT
 * The file that says where capacity comes from and what it costs: a list of {tier, region,
 * price_per_hour, most, interruptions_per_hour, price_changes: [{from, price_per_hour}]}. YAML or
 * JSON, which YAML reads as well; every problem is named with its line and column. */
#ifndef FOREWARM_CLI_OFFER_FILE_H
#define FOREWARM_CLI_OFFER_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "plan/offers.h"

enum { OFFER_FILE_BYTES_MAX = 1 << 20 };

/* Fills the rows and their number, nothing else. FW_INPUT lists the problems, as many as fit. */
FW_MUST_CHECK enum fw_err offer_file_read(struct offers *offers, const char *path,
                                          struct fw_detail *detail);
FW_MUST_CHECK enum fw_err offer_file_parse(struct offers *offers, const char *name, struct str text,
                                           struct fw_detail *detail);

#endif
