/* SPDX-License-Identifier: Apache-2.0
 * process.c - see process.h. Memory, files and threads are Linux's to tell (/proc); elsewhere they are not known. */
#include "observe/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t us_of(struct timeval t) { return (int64_t)t.tv_sec * 1000000 + t.tv_usec; }

static void read_status(struct process_use *out)
{
    char line[256];
    long long n;
    FILE *f = fopen("/proc/self/status", "re");
    if (!f)
        return;
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "VmSize: %lld", &n) == 1)
            out->virtual_bytes = n * 1024;
        else if (sscanf(line, "VmRSS: %lld", &n) == 1)
            out->resident_bytes = n * 1024;
        else if (sscanf(line, "Threads: %lld", &n) == 1)
            out->threads = n;
    }
    fclose(f);
}

static int64_t count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -1; /* the one that looks is not counted */
    if (!dir)
        return -1;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

void process_use(struct process_use *out)
{
    struct rusage use;
    struct rlimit limit;
    *out = (struct process_use){ .resident_bytes = -1, .virtual_bytes = -1, .cpu_us = -1, .files_most = -1, .threads = -1 };
    read_status(out);
    out->open_files = count_files();
    if (getrusage(RUSAGE_SELF, &use) == 0)
        out->cpu_us = us_of(use.ru_utime) + us_of(use.ru_stime);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out->files_most = limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur;
}
