/* SPDX-License-Identifier: MIT */
#include "edge/warmers/procfs.h"
#include "base/str.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VARIABLE_MAX = 1024 }; /* a longer one is none of ours */

struct process {
    char state;
    pid_t group;
    uint64_t start_time;
};

static bool read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    text[len] = 0;
    return len > 0;
}

/* "PID (name, which may hold anything) S PPID PGRP ... starttime ..." */
static bool read_process(pid_t pid, struct process *process)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_file(path, text, sizeof text))
        return false;
    const char *after = strrchr(text, ')');
    if (!after)
        return false;
    struct str rest = str_of(after + 1), field;
    int number = 2;
    int64_t group = 0;
    while (str_cut(&rest, ' ', &field)) {
        if (number == 3 && field.len > 0)
            process->state = field.data[0];
        if (number == 5 && !str_to_int64(field, &group))
            return false;
        if (number == 22) {
            process->group = (pid_t)group;
            return str_to_uint64(field, &process->start_time);
        }
        number++;
    }
    return false;
}

uint64_t procfs_start_time(pid_t pid)
{
    struct process process = {0};
    if (!read_process(pid, &process) || process.state == 'Z' || process.state == 'X')
        return 0;
    return process.start_time;
}

bool procfs_variable(pid_t pid, const char *name, char *value, size_t size)
{
    char path[64], text[VARIABLE_MAX];
    size_t len = 0, name_len = strlen(name);
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    for (int c = file ? getc(file) : EOF; c != EOF && !found; c = getc(file)) {
        if (len < sizeof text)
            text[len] = (char)c;
        len++;
        if (c != 0)
            continue;
        found = len <= sizeof text && strncmp(text, name, name_len) == 0 && text[name_len] == '=' &&
                len - name_len - 1 <= size;
        if (found)
            memcpy(value, text + name_len + 1, len - name_len - 1);
        len = 0;
    }
    if (file)
        fclose(file);
    return found;
}

static uint64_t process_bytes(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    const char *pss = read_file(path, text, sizeof text) ? strstr(text, "\nPss:") : NULL;
    int64_t value;
    if (pss) {
        struct str number = str_trim((struct str){pss + 5, strcspn(pss + 5, "k")});
        return str_to_int64(number, &value) ? (uint64_t)value * 1024 : 0;
    }
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_file(path, text, sizeof text))
        return 0;
    struct str rest = str_of(text), size, resident;
    if (!str_cut(&rest, ' ', &size) || !str_cut(&rest, ' ', &resident) ||
        !str_to_int64(resident, &value))
        return 0;
    return (uint64_t)value * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Calls for every living member; stops when `visit` says so. */
static bool each_member(pid_t group, bool (*visit)(pid_t pid, void *context), void *context)
{
    DIR *dir = opendir("/proc");
    bool stopped = false;
    for (struct dirent *entry; dir && !stopped && (entry = readdir(dir)) != NULL;) {
        int64_t pid;
        struct process process = {0};
        if (str_to_int64(str_of(entry->d_name), &pid) && read_process((pid_t)pid, &process) &&
            process.group == group && process.state != 'Z' && process.state != 'X')
            stopped = visit((pid_t)pid, context);
    }
    if (dir)
        closedir(dir);
    return stopped;
}

static bool add_bytes(pid_t pid, void *context)
{
    *(uint64_t *)context += process_bytes(pid);
    return false;
}

uint64_t procfs_group_bytes(pid_t group)
{
    uint64_t bytes = 0;
    (void)each_member(group, add_bytes, &bytes);
    return bytes;
}

static bool found_one(pid_t pid, void *context)
{
    (void)pid, (void)context;
    return true;
}

bool procfs_group_lives(pid_t group)
{
    return each_member(group, found_one, NULL);
}
