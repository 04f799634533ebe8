/* SPDX-License-Identifier: MIT
 * Pages that are one file: the files of web/ are inside the program (cmake/embed.cmake), and a
 * template's places are filled with text that cannot get out of its place. */
#ifndef FOREWARM_WEB_PAGE_H
#define FOREWARM_WEB_PAGE_H

#include "base/buf.h"

/* Made from web/ at build time; the last one's name is NULL. */
struct page_asset {
    const char *name;
    const unsigned char *data;
    size_t len;
};
extern const struct page_asset page_assets[];
/* A file that is known to be there. */
struct str page_asset(const char *name);

enum page_form {
    PAGE_RAW,  /* ours, as it is */
    PAGE_TEXT, /* between tags or in a quoted attribute */
    PAGE_JSON, /* JSON inside a script element: no "<" is left that could end it */
};
struct page_part {
    const char *name; /* fills {{name}} */
    struct str text;
    enum page_form form;
};
void page_write(struct buf *out, struct str form, const struct page_part *parts, size_t count);

#endif
