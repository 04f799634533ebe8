/* SPDX-License-Identifier: MIT */
#include "web/page.h"
#include "base/check.h"

struct str page_asset(const char *name)
{
    const struct page_asset *asset = page_assets;
    while (asset->name && strcmp(asset->name, name) != 0)
        asset++;
    CHECK(asset->name != NULL);
    return (struct str){(const char *)asset->data, asset->len};
}

/* What stands for a byte in this form; NULL: itself. */
static const char *escape(char c, enum page_form form)
{
    if (form == PAGE_JSON) /* in JSON these are found inside of strings alone */
        return c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : c == '&' ? "\\u0026" : NULL;
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void add_escaped(struct buf *out, struct str text, enum page_form form)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *instead = escape(text.data[i], form);
        if (!instead)
            continue;
        buf_add(out, text.data + from, i - from);
        buf_add_text(out, instead);
        from = i + 1;
    }
    buf_add(out, text.data + from, text.len - from);
}

static const struct page_part *find(struct str name, const struct page_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, str_of(parts[i].name)))
            return &parts[i];
    return NULL;
}

void page_write(struct buf *out, struct str form, const struct page_part *parts, size_t count)
{
    while (form.len > 0) {
        const char *begin = memmem(form.data, form.len, "{{", 2);
        if (!begin)
            break;
        size_t before = (size_t)(begin - form.data);
        const char *end = memmem(begin, form.len - before, "}}", 2);
        CHECK(end != NULL);
        struct str name = {begin + 2, (size_t)(end - begin) - 2};
        const struct page_part *part = find(name, parts, count);
        CHECK(part != NULL);
        buf_add(out, form.data, before);
        if (part->form == PAGE_RAW)
            buf_add_str(out, part->text);
        else
            add_escaped(out, part->text, part->form);
        form = (struct str){end + 2, form.len - before - (size_t)(end + 2 - begin)};
    }
    buf_add_str(out, form);
}
