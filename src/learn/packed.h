/* SPDX-License-Identifier: MIT
 * Numbers from 1 to 4e9 in 16 bits, 1 part in 4,000 apart: 5 bits of exponent and 11 of fraction.
 * Ordered as the numbers are. */
#ifndef FOREWARM_LEARN_PACKED_H
#define FOREWARM_LEARN_PACKED_H

#include <stdint.h>
#include <string.h>

/* Below 1, and what is no number: 1. */
static inline uint16_t packed_from(double number)
{
    if (!(number > 1))
        return 0;
    float value = number < 4e9 ? (float)number : 4e9f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits - 0x3f800000u + 0x800u) >> 12;
    return bits > UINT16_MAX ? UINT16_MAX : (uint16_t)bits;
}

static inline double packed_to(uint16_t packed)
{
    uint32_t bits = 0x3f800000u + ((uint32_t)packed << 12);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

#endif
