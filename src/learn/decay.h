/* SPDX-License-Identifier: MIT
 * exp and log from additions and multiplications alone. The C library's may differ in the last bit
 * from one processor to the next, and a last bit is enough to break "the same decisions on any
 * machine". */
#ifndef FOREWARM_LEARN_DECAY_H
#define FOREWARM_LEARN_DECAY_H

#include <stdint.h>

double decay_exp(double x); /* within 4e-16 of exp(x) relatively; 0 below -700; x <= 700 */
double
decay_log(double x); /* x > 0 and finite; 0 and below give the log of the least positive number */

/* What is left of 1 after `elapsed_ns` with time constant `tau_ns` > 0; 1 for elapsed_ns <= 0. */
double decay_over(int64_t elapsed_ns, int64_t tau_ns);

#endif
