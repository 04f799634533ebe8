/* SPDX-License-Identifier: MIT */
#include "base/check.h"
#include <stdlib.h>

check_report_fn *check_report;

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    if (check_report)
        check_report(file, line, condition);
    abort();
}
