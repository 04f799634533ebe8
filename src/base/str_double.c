/* SPDX-License-Identifier: MIT
 * Text to double, correctly rounded. Short numbers take one exact multiplication or division
 * (Clinger, "How to read floating point numbers accurately", 1990); all others are divided out in
 * whole numbers of any length, 64 bits and a remainder, and rounded once. */
#include "base/str.h"

enum {
    DIGITS_MAX =
        800, /* no midpoint between doubles has more than 768: what follows only breaks ties */
    LIMBS_MAX = 128,     /* 10^(DIGITS_MAX + 1 + 330) has 3758 bits */
    EXPONENT_MAX = 99999 /* far past every double, far below overflow */
};

/* 0.d1 d2 d3 ... * 10^point */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int count;
    int64_t point;
    bool minus;
};

/* A whole number, least limb first. */
struct big {
    uint32_t limbs[LIMBS_MAX];
    int count;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Leading zeros are not stored; digits past the last place are kept as one that is not zero. */
static void decimal_add(struct decimal *decimal, char digit)
{
    if (decimal->count == 0 && digit == '0')
        return;
    if (decimal->count < DIGITS_MAX)
        decimal->digits[decimal->count++] = (char)(digit - '0');
    else if (digit != '0') {
        decimal->digits[DIGITS_MAX] = 1;
        decimal->count = DIGITS_MAX + 1;
    }
}

static bool parse_exponent(struct str text, int64_t *exponent)
{
    bool minus = text.len > 0 && text.data[0] == '-';
    size_t i = text.len > 0 && (minus || text.data[0] == '+') ? 1 : 0;
    if (i == text.len)
        return false;
    int64_t sum = 0;
    for (; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        if (sum < EXPONENT_MAX)
            sum = sum * 10 + (text.data[i] - '0');
    }
    *exponent = minus ? -sum : sum;
    return true;
}

static bool decimal_parse(struct decimal *decimal, struct str text)
{
    size_t i = 0;
    bool any = false, behind_point = false;
    *decimal = (struct decimal){.minus = text.len > 0 && text.data[0] == '-'};
    if (text.len > 0 && (decimal->minus || text.data[0] == '+'))
        i++;
    for (; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.' && !behind_point) {
            behind_point = true;
            continue;
        }
        if (!is_digit(c))
            break;
        any = true;
        bool leading_zero = decimal->count == 0 && c == '0';
        decimal_add(decimal, c);
        if (behind_point)
            decimal->point -= leading_zero;
        else
            decimal->point += !leading_zero;
    }
    if (!any)
        return false;
    if (i == text.len)
        return true;
    int64_t exponent = 0;
    if ((text.data[i] != 'e' && text.data[i] != 'E') ||
        !parse_exponent((struct str){text.data + i + 1, text.len - i - 1}, &exponent))
        return false;
    decimal->point += exponent;
    return true;
}

static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_POWER_MAX = 22 };

/* Both factors are exact, so the one operation rounds correctly. */
static bool convert_exact(const struct decimal *decimal, double *value)
{
    int64_t exponent = decimal->point - decimal->count;
    if (decimal->count > 16 || exponent < -EXACT_POWER_MAX || exponent > EXACT_POWER_MAX)
        return false;
    uint64_t whole = 0;
    for (int i = 0; i < decimal->count; i++)
        whole = whole * 10 + (uint64_t)decimal->digits[i];
    if (whole > UINT64_C(1) << 53)
        return false;
    *value = exponent < 0 ? (double)whole / exact_powers[-exponent]
                          : (double)whole * exact_powers[exponent];
    return true;
}

static void big_multiply_add(struct big *big, uint32_t factor, uint32_t summand)
{
    uint64_t carry = summand;
    for (int i = 0; i < big->count; i++) {
        carry += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0)
        big->limbs[big->count++] = (uint32_t)carry;
}

static void big_multiply_power_of_ten(struct big *big, int64_t power)
{
    for (; power >= 9; power -= 9)
        big_multiply_add(big, 1000000000, 0);
    for (; power > 0; power--)
        big_multiply_add(big, 10, 0);
}

static int big_bits(const struct big *big)
{
    return big->count * 32 - __builtin_clz(big->limbs[big->count - 1]);
}

static void big_shift_left(struct big *big, int bits)
{
    int limbs = bits / 32, rest = bits % 32;
    if (rest > 0)
        big_multiply_add(big, UINT32_C(1) << rest, 0);
    if (limbs == 0)
        return;
    memmove(big->limbs + limbs, big->limbs, (size_t)big->count * sizeof *big->limbs);
    memset(big->limbs, 0, (size_t)limbs * sizeof *big->limbs);
    big->count += limbs;
}

/* One digit of a long division in base 2^32 (Knuth, The Art of Computer Programming 2, 4.3.1,
 * algorithm D): the whole part of rest * 2^32 / divisor, for rest < divisor, whose highest bit is
 * set. `rest` becomes the remainder. */
static uint32_t divide_digit(struct big *rest, const struct big *divisor)
{
    uint32_t *r = rest->limbs;
    int n = divisor->count;
    memmove(r + 1, r, (size_t)n * sizeof *r);
    r[0] = 0;
    uint64_t digit = ((uint64_t)r[n] << 32 | r[n - 1]) / divisor->limbs[n - 1];
    if (digit > UINT32_MAX)
        digit = UINT32_MAX;
    uint64_t carry = 0, borrow = 0;
    for (int i = 0; i < n; i++) {
        carry += digit * divisor->limbs[i];
        uint64_t limb = (uint64_t)r[i] - (uint32_t)carry - borrow;
        r[i] = (uint32_t)limb;
        borrow = limb >> 63;
        carry >>= 32;
    }
    uint64_t top = (uint64_t)r[n] - carry - borrow;
    for (bool negative = top >> 63 != 0; negative;
         digit--) { /* the guess was one or two too high */
        carry = 0;
        for (int i = 0; i < n; i++) {
            carry += (uint64_t)r[i] + divisor->limbs[i];
            r[i] = (uint32_t)carry;
            carry >>= 32;
        }
        negative = carry == 0 || top + carry != 0;
        top += carry;
    }
    r[n] = 0;
    return (uint32_t)digit;
}

static bool big_is_zero(const struct big *big)
{
    for (int i = 0; i < big->count; i++)
        if (big->limbs[i] != 0)
            return false;
    return true;
}

/* Bits of the double nearest to quotient * 2^exponent, a little more if `more`; ties to even. */
static bool round_to_double(uint64_t quotient, bool more, int exponent, uint64_t *bits)
{
    int lead = __builtin_clzll(quotient);
    quotient <<= lead;
    int top = exponent - lead + 63; /* value = 1.xxx * 2^top */
    if (top > 1023)
        return false;
    bool normal = top >= -1022;
    int shift = normal ? 11 : 11 + (-1022 - top);
    if (shift > 64) {
        *bits = 0;
        return true;
    }
    uint64_t kept = shift == 64 ? 0 : quotient >> shift;
    uint64_t half = UINT64_C(1) << (shift - 1);
    uint64_t cut = shift == 64 ? quotient : quotient & (half * 2 - 1);
    if (cut > half || (cut == half && (more || (kept & 1) != 0)))
        kept++;
    /* The hidden bit, and a carry out of the fraction, count up the exponent by themselves. */
    *bits = normal ? ((uint64_t)(top + 1022) << 52) + kept : kept;
    return *bits < UINT64_C(0x7FF) << 52;
}

static void big_from_decimal(struct big *big, const struct decimal *decimal)
{
    for (int i = 0; i < decimal->count;) {
        uint32_t scale = 1, digits = 0;
        for (; i < decimal->count && scale < 1000000000; i++, scale *= 10)
            digits = digits * 10 + (uint32_t)decimal->digits[i];
        big_multiply_add(big, scale, digits);
    }
}

/* 64 bits of number / divisor, which have been shifted so that it lies between 1/4 and 1. */
static bool convert_divided(const struct decimal *decimal, uint64_t *bits)
{
    struct big number = {.count = 0}, divisor = {.limbs = {1}, .count = 1};
    big_from_decimal(&number, decimal);
    int64_t exponent = decimal->point - decimal->count;
    if (exponent >= 0)
        big_multiply_power_of_ten(&number, exponent);
    else
        big_multiply_power_of_ten(&divisor, -exponent);
    int longer = big_bits(&number) - big_bits(&divisor) + 1;
    if (longer < 0)
        big_shift_left(&number, -longer);
    else
        big_shift_left(&divisor, longer);
    int spare = __builtin_clz(divisor.limbs[divisor.count - 1]);
    big_shift_left(&number, spare);
    big_shift_left(&divisor, spare);
    number.count = divisor.count; /* what is above is zero */
    uint64_t quotient = (uint64_t)divide_digit(&number, &divisor) << 32;
    quotient |= divide_digit(&number, &divisor);
    return round_to_double(quotient, !big_is_zero(&number), longer - 64, bits);
}

bool str_to_double(struct str text, double *value)
{
    struct decimal decimal;
    if (!decimal_parse(&decimal, text))
        return false;
    double magnitude = 0;
    if (decimal.count > 0 && !convert_exact(&decimal, &magnitude)) {
        uint64_t bits = 0;
        if (decimal.point > 310)
            return false;
        if (decimal.point > -330 && !convert_divided(&decimal, &bits))
            return false;
        memcpy(&magnitude, &bits, sizeof magnitude);
    }
    *value = decimal.minus ? -magnitude : magnitude;
    return true;
}
