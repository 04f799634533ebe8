/* SPDX-License-Identifier: MIT */
#include "learn/packed.h"
#include <string.h>

uint16_t packed_from(double number)
{
    if (!(number > 1))
        return 0;
    float value = number < 4e9 ? (float)number : 4e9f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits - 0x3f800000u + 0x800u) >> 12;
    return bits > UINT16_MAX ? UINT16_MAX : (uint16_t)bits;
}

double packed_to(uint16_t packed)
{
    uint32_t bits = 0x3f800000u + ((uint32_t)packed << 12);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}
