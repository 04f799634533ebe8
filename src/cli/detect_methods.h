/* SPDX-License-Identifier: MIT
 * The names of the detectors as choices of a flag. */
#ifndef FOREWARM_CLI_DETECT_METHODS_H
#define FOREWARM_CLI_DETECT_METHODS_H

#include "forecast/anomaly.h"

enum { DETECT_ALL = ANOMALY_METHOD_COUNT };
extern const char *const detect_methods[]; /* enum anomaly_method, then "all" */
/* FW_USAGE for "all". */
FW_MUST_CHECK enum fw_err detect_method_is_one(int method, struct fw_detail *detail);

#endif
