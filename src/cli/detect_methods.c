/* SPDX-License-Identifier: MIT */
#include "cli/detect_methods.h"
#include <stddef.h>

const char *const detect_methods[] = {
#define X(method, name, threshold, words) name,
    ANOMALY_METHODS(X)
#undef X
        "all",
    NULL};

enum fw_err detect_method_is_one(int method, struct fw_detail *detail)
{
    if (method != DETECT_ALL)
        return FW_OK;
    return err_set(
        detail, FW_USAGE,
        "--method: found \"all\", expected one of n9, zscore, rate, iforest, seasonal, demand");
}
