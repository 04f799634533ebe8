/* SPDX-License-Identifier: MIT
 * CHECK: what must hold whatever the world does. It stays on in release builds; when it fails we
 * are wrong, and stopping is the only honest thing left. */
#ifndef FOREWARM_BASE_CHECK_H
#define FOREWARM_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

/* Called with the place and the condition before the program aborts; main sets it to print them. */
typedef void check_report_fn(const char *file, int line, const char *condition);
extern check_report_fn *check_report;

_Noreturn void check_failed(const char *file, int line, const char *condition);

#endif
