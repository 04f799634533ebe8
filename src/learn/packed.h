/* SPDX-License-Identifier: MIT
 * Numbers from 1 to 4e9 in 16 bits, 1 part in 4,000 apart: 5 bits of exponent and 11 of fraction.
 * Ordered as the numbers are. */
#ifndef FOREWARM_LEARN_PACKED_H
#define FOREWARM_LEARN_PACKED_H

#include <stdint.h>

uint16_t packed_from(double number); /* below 1, and what is no number: 1 */
double packed_to(uint16_t packed);

#endif
