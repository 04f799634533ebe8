/* SPDX-License-Identifier: MIT */
#include "core/devices.h"
#include "base/time.h"
#include <stdlib.h>
#include <string.h>

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* Cuts `rest` before the first `mark`; what follows it comes out in `tail`. False: there is none.
 */
static bool cut_at(struct str *rest, char mark, struct str *tail)
{
    for (size_t i = 0; i < rest->len; i++)
        if (rest->data[i] == mark) {
            *tail = (struct str){rest->data + i + 1, rest->len - i - 1};
            rest->len = i;
            return true;
        }
    return false;
}

static bool name_ok(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.' || c == ':';
        if (!good)
            return false;
    }
    return name.len > 0 && name.len < DEVICE_NAME_MAX - 3; /* a number may follow */
}

struct item {
    struct str name; /* empty: by number */
    uint64_t count, memory, bandwidth_per_s, loads;
};

/* "3GB/s" */
static bool parse_bandwidth(struct str text, uint64_t *bytes)
{
    if (!str_ends(text, STR("/s")))
        return false;
    text.len -= 2;
    return str_to_size(text, bytes) && *bytes > 0 && *bytes != UINT64_MAX;
}

static bool parse_item(struct str text, struct item *item, const char **expected)
{
    struct str tail;
    *item = (struct item){.count = 1, .loads = 1};
    *expected = "1 to 64 loads at the same time after *";
    if (cut_at(&text, '*', &tail) &&
        (!str_to_uint64(tail, &item->loads) || item->loads < 1 || item->loads > DEVICE_LOADS_MAX))
        return false;
    *expected = "a bandwidth such as 3GB/s after @";
    if (cut_at(&text, '@', &tail) && !parse_bandwidth(tail, &item->bandwidth_per_s))
        return false;
    *expected = "a name of 1 to 28 letters, digits, _ - . : before =";
    struct str name = text;
    if (cut_at(&name, '=', &tail)) {
        if (!name_ok(name))
            return false;
        item->name = name;
        text = tail;
    }
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (digits > 0 && digits < text.len && text.data[digits] == 'x') {
        *expected = "1 to 16 devices before x";
        if (!str_to_uint64((struct str){text.data, digits}, &item->count) || item->count < 1 ||
            item->count > DEVICES_MAX)
            return false;
        text = (struct str){text.data + digits + 1, text.len - digits - 1};
    }
    *expected = "a size with a unit such as 24GiB";
    return str_to_size(text, &item->memory) && item->memory > 0 && item->memory != UINT64_MAX;
}

static void name_device(struct device *device, const struct item *item, uint32_t number)
{
    static const char otherwise[] = "device";
    struct str stem = item->name.len > 0 ? item->name : (struct str){otherwise, 6};
    memcpy(device->name, stem.data, stem.len);
    if (item->name.len > 0 && item->count == 1)
        return;
    if (number >= 10)
        device->name[stem.len++] = (char)('0' + number / 10);
    device->name[stem.len] = (char)('0' + number % 10);
}

static enum fw_err add_item(struct devices *devices, const struct item *item,
                            struct fw_detail *detail)
{
    for (uint32_t i = 0; i < item->count; i++) {
        if (devices->count == DEVICES_MAX)
            return err_set(detail, FW_INPUT, "devices: found more than %d", DEVICES_MAX);
        struct device device = {.memory = item->memory,
                                .bandwidth_per_s = item->bandwidth_per_s,
                                .loads_max = (uint32_t)item->loads};
        name_device(&device, item, item->name.len > 0 ? i : devices->count);
        if (devices_find(devices, str_of(device.name)) >= 0)
            return err_set(detail, FW_INPUT, "devices: the name \"%s\" is there twice",
                           device.name);
        devices->items[devices->count++] = device;
    }
    return FW_OK;
}

enum fw_err devices_parse(struct devices *devices, struct str text, uint64_t memory,
                          struct fw_detail *detail)
{
    *devices = (struct devices){0};
    size_t at = 0;
    while (at < text.len) {
        struct item item;
        const char *expected;
        size_t start = at;
        while (at < text.len && !is_separator(text.data[at]))
            at++;
        struct str part = {text.data + start, at - start};
        at += at < text.len;
        if (part.len == 0)
            continue;
        if (!parse_item(part, &item, &expected))
            return err_set(detail, FW_INPUT,
                           "devices: found \"%.*s\", expected %s, as in 2x24GiB or "
                           "gpu0=24GiB@3GB/s*1",
                           (int)(part.len < 80 ? part.len : 80), part.data, expected);
        FW_TRY(add_item(devices, &item, detail));
    }
    devices->named = devices->count > 0;
    if (devices->named && memory != UINT64_MAX)
        return err_set(detail, FW_INPUT,
                       "devices: found memory too, expected one of the two: every device says how "
                       "much it has");
    if (!devices->named)
        devices->items[devices->count++] =
            (struct device){.memory = memory, .loads_max = UINT32_MAX};
    return FW_OK;
}

uint32_t devices_all(const struct devices *devices)
{
    return (1u << devices->count) - 1;
}

int devices_find(const struct devices *devices, struct str name)
{
    for (uint32_t i = 0; i < devices->count; i++)
        if (str_equal(str_of(devices->items[i].name), name))
            return (int)i;
    return -1;
}

uint64_t devices_memory(const struct devices *devices)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < devices->count; i++) {
        uint64_t more = devices->items[i].memory;
        bytes = bytes > UINT64_MAX - more ? UINT64_MAX : bytes + more;
    }
    return bytes;
}

uint64_t devices_used(const struct devices *devices)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < devices->count; i++)
        bytes += devices->items[i].used;
    return bytes;
}

bool devices_can_hold(const struct devices *devices, uint64_t bytes, uint32_t span,
                      uint32_t allowed)
{
    uint64_t share = devices_share(bytes, span);
    uint32_t fitting = 0;
    for (uint32_t i = 0; i < devices->count; i++)
        fitting += (allowed >> i & 1) && devices->items[i].memory >= share;
    return fitting >= (span > 0 ? span : 1);
}

/* The largest on each device first. */
static int compare_parts(const void *left, const void *right)
{
    const struct devices_part *a = left, *b = right;
    uint64_t share_a = devices_share(a->bytes, a->span), share_b = devices_share(b->bytes, b->span);
    if (share_a != share_b)
        return share_a > share_b ? -1 : 1;
    if (a->span != b->span)
        return a->span > b->span ? -1 : 1;
    return a->allowed < b->allowed ? -1 : a->allowed > b->allowed;
}

/* Onto the emptiest of the devices it may go to. */
static bool hold(struct devices *devices, const struct devices_part *part)
{
    uint32_t left = part->allowed != 0 ? part->allowed : devices_all(devices);
    uint64_t share = devices_share(part->bytes, part->span);
    for (uint32_t span = part->span > 0 ? part->span : 1; span > 0; span--) {
        uint32_t best = DEVICES_MAX;
        for (uint32_t i = 0; i < devices->count; i++)
            if ((left >> i & 1) &&
                (best == DEVICES_MAX || devices->items[i].memory > devices->items[best].memory))
                best = i;
        if (best == DEVICES_MAX || devices->items[best].memory < share)
            return false;
        devices->items[best].memory -= share;
        left &= ~(1u << best);
    }
    return true;
}

bool devices_hold_all(const struct devices *devices, struct devices_part *parts, uint32_t count)
{
    struct devices left = *devices;
    if (count > 0)
        qsort(parts, count, sizeof *parts, compare_parts);
    for (uint32_t i = 0; i < count; i++)
        if (!hold(&left, &parts[i]))
            return false;
    return true;
}

int64_t devices_load_time(const struct devices *devices, uint64_t bytes, uint32_t span,
                          uint32_t among)
{
    uint64_t slowest = 0;
    for (uint32_t i = 0; i < devices->count; i++) {
        uint64_t bandwidth = devices->items[i].bandwidth_per_s;
        if ((among >> i & 1) && bandwidth > 0 && (slowest == 0 || bandwidth < slowest))
            slowest = bandwidth;
    }
    if (slowest == 0)
        return 0;
    return time_from_seconds((double)devices_share(bytes, span) / (double)slowest);
}
