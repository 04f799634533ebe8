/* SPDX-License-Identifier: MIT
 * Reads the pages of a site, the next ones fetched before they are asked for (specification F5):
 *
 *     pages http://127.0.0.1:8000 < names
 *
 * Each line of the standard input is the name of a page; its size, words and how long it was waited
 * for go to the standard output, a summary to the standard error. Strategies: sequential (page_7 is
 * followed by page_8) and pattern (what followed before); at most 50 pages are held. */
#include <curl/curl.h>
#include <forewarm/forewarm.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE_MAX = 16 << 20, HANDLES_MAX = 16, URL_MAX = 2048 };

/* Connections are kept: a handle belongs to one load at a time. */
struct site {
    const char *base;
    pthread_mutex_t lock;
    CURL *free[HANDLES_MAX];
    int free_count;
};
struct text {
    char *data;
    size_t size, room;
};

static CURL *take_handle(struct site *site)
{
    pthread_mutex_lock(&site->lock);
    CURL *handle = site->free_count > 0 ? site->free[--site->free_count] : NULL;
    pthread_mutex_unlock(&site->lock);
    return handle ? handle : curl_easy_init();
}

static void give_handle(struct site *site, CURL *handle)
{
    pthread_mutex_lock(&site->lock);
    bool room = site->free_count < HANDLES_MAX;
    if (room)
        site->free[site->free_count++] = handle;
    pthread_mutex_unlock(&site->lock);
    if (!room)
        curl_easy_cleanup(handle);
}

static size_t add_text(char *data, size_t one, size_t size, void *context)
{
    struct text *text = context;
    (void)one;
    if (size > PAGE_MAX - text->size)
        return 0; /* too large: the transfer fails */
    if (text->size + size > text->room) {
        size_t room = 2 * (text->size + size);
        char *grown = realloc(text->data, room);
        if (!grown)
            return 0;
        text->data = grown;
        text->room = room;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    return size;
}

static int stop_unwanted(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return fw_prefetch_unwanted(context);
}

static void free_text(void *data, size_t size)
{
    (void)size;
    free(data);
}

static int fetch(void *context, const struct fw_prefetch_load *load,
                 struct fw_prefetch_loaded *loaded)
{
    struct site *site = context;
    struct text text = {0};
    char url[URL_MAX];
    long status = 0;
    if (snprintf(url, sizeof url, "%s/%s", site->base, load->key) >= (int)sizeof url)
        return CURLE_URL_MALFORMAT;
    CURL *handle = take_handle(site);
    if (!handle)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, add_text);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &text);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, stop_unwanted);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, (void *)(uintptr_t)load);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    give_handle(site, handle);
    if (code == CURLE_OK && status == 200) {
        *loaded = (struct fw_prefetch_loaded){text.data, text.size, free_text, -1};
        return FW_PREFETCH_LOADED;
    }
    free(text.data);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return FW_PREFETCH_GAVE_UP;
    return code != CURLE_OK ? (int)code : status == 404 ? FW_PREFETCH_ABSENT : (int)status;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t words(const char *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += data[i] > ' ' && (i == 0 || data[i - 1] <= ' ');
    return count;
}

static void read_page(struct fw_prefetch *pages, const char *name)
{
    static const char *const answers[] = {"hit", "came", "absent", "failed", "timeout", "refused"};
    struct fw_prefetch_got page;
    double began_ms = now_ms();
    fw_prefetch_get(pages, name, strlen(name), 1, 1, 30 * FW_SECOND, &page);
    printf("%s %s%s %zu bytes, %zu words, %.1f ms", name, answers[page.answer],
           page.ahead ? " (ahead)" : "", page.size, words(page.data, page.size),
           now_ms() - began_ms);
    if (page.error)
        printf(", error %d", page.error);
    printf("\n");
    fflush(stdout);
    fw_prefetch_release(&page);
}

static void summary(struct fw_prefetch *pages)
{
    struct fw_prefetch_stats s;
    fw_prefetch_read_stats(pages, &s);
    fprintf(stderr,
            "%" PRIu64 " pages: %" PRIu64 " there, %" PRIu64 " waited for; %" PRIu64
            " fetched ahead, %.0f %% of them used, %.0f %% of misses spared\n",
            s.requests, s.hits, s.joins + s.misses, s.issued, 100 * s.accuracy, 100 * s.coverage);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"max_entries=50", "strategies=sequential+pattern", NULL};
    struct site site = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct fw_prefetch *pages;
    char error[256], name[1024];
    if (argc != 2) {
        fprintf(stderr, "usage: pages BASE < names\n");
        return 2;
    }
    site.base = argv[1];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (fw_prefetch_create(&pages, fetch, &site, options, error, sizeof error) != 0) {
        fprintf(stderr, "%s\n", error);
        return 3;
    }
    while (fgets(name, sizeof name, stdin)) {
        name[strcspn(name, "\n")] = '\0';
        if (name[0] != '\0')
            read_page(pages, name);
    }
    summary(pages);
    fw_prefetch_session_end(pages, 1);
    int code = fw_prefetch_destroy(&pages, 25 * FW_SECOND);
    while (code == 0 && site.free_count > 0)
        curl_easy_cleanup(site.free[--site.free_count]);
    return code == 0 ? 0 : 3;
}
