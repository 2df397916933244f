/* SPDX-License-Identifier: Apache-2.0
 * doctor_host.c - the machine under the gate: its data directory, its limits, its clock's places, its ports and the certificate it shows there. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "net/tls.h"

enum { SPACE_LOW_MIB = 1024, SPACE_LEAST_MIB = 128, FILES_FEW = 4096, LOCK_FEW = 64 * 1024, EXPIRES_SOON_DAYS = 14, DAY_MS = 24 * 3600 * 1000 };

/* ---- the data directory ---- */

static const char *path_in(struct doctor *d, const char *name)
{
    return arena_print(&d->c->arena, "%.*s/%s", SPAN_ARG(d->data_dir), name).at;
}

/* Of what only the gate may read. */
static void check_secret_file(struct doctor *d, const char *name)
{
    struct stat st;
    const char *path = path_in(d, name);
    if (!path || stat(path, &st) != 0)
        return;
    if (st.st_mode & 077)
        doctor_say(d, LEVEL_FAIL, "data", arena_print(&d->c->arena, "chmod 600 %s, and rotate what others may have read", path).at, "%s can be read by others (mode %03o)", path,
            st.st_mode & 0777);
    else
        doctor_say(d, LEVEL_OK, "data", NULL, "%s is readable by its owner only", path);
}

static void check_space(struct doctor *d)
{
    struct statvfs fs;
    if (statvfs(arena_copy(&d->c->arena, d->data_dir).at, &fs) != 0)
        return;
    int64_t mib = (int64_t)(fs.f_bavail * fs.f_frsize >> 20);
    enum level level = mib < SPACE_LEAST_MIB ? LEVEL_FAIL : mib < SPACE_LOW_MIB ? LEVEL_WARN : LEVEL_OK;
    doctor_say(d, level, "disk", level ? "make room: without space nothing can be recorded, and then nothing is forwarded (docs/durability.md)" : NULL, "%lld MiB are free for the data directory",
        (long long)mib);
}

static void check_journal(struct doctor *d)
{
    DIR *dir = opendir(arena_copy(&d->c->arena, d->data_dir).at);
    int files = 0, broken = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct span name = span_of(e->d_name);
        if (!span_starts(name, SPAN("journal-")) || !span_ends(name, SPAN(".log")))
            continue;
        files++;
        broken += access(path_in(d, e->d_name), R_OK | W_OK) != 0;
    }
    if (dir)
        closedir(dir);
    if (broken)
        doctor_say(d, LEVEL_FAIL, "journal", "run this as the gate's user, or give the files back to it (chown)", "%d of %d journal files cannot be written by this user", broken, files);
    else if (files)
        doctor_say(d, LEVEL_OK, "journal", NULL, "%d files, readable and writable", files);
}

void doctor_data(struct doctor *d)
{
    struct stat st;
    const char *dir = arena_copy(&d->c->arena, d->data_dir).at;
    if (stat(dir, &st) != 0) {
        doctor_say(d, LEVEL_WARN, "data", "none, if this is a new gate: its first start makes it; else give --data DIR or --config FILE", "%s: %s", dir, strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode) || access(dir, R_OK | W_OK | X_OK) != 0) {
        doctor_say(d, LEVEL_FAIL, "data", "run this as the gate's user, or give the directory to it", "%s is no directory that this user can read and write", dir);
        return;
    }
    if (st.st_mode & 077)
        doctor_say(d, LEVEL_WARN, "data", arena_print(&d->c->arena, "chmod 700 %s", dir).at, "%s is open to others (mode %03o)", dir, st.st_mode & 0777);
    else
        doctor_say(d, LEVEL_OK, "data", NULL, "%s belongs to this user alone", dir);
    check_secret_file(d, "master.key");
    check_secret_file(d, "admin.token");
    check_secret_file(d, "audit.key");
    check_space(d);
    check_journal(d);
}

/* ---- the machine ---- */

void doctor_machine(struct doctor *d)
{
    struct rlimit files, lock;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        doctor_say(d, files.rlim_max < FILES_FEW ? LEVEL_WARN : LEVEL_OK, "limits", files.rlim_max < FILES_FEW ? "ulimit -Hn 65536, or LimitNOFILE=65536 in the unit: a call takes two" : NULL,
            "%llu open files at most", (unsigned long long)files.rlim_max);
    if (getrlimit(RLIMIT_MEMLOCK, &lock) == 0)
        doctor_say(d, lock.rlim_cur < LOCK_FEW ? LEVEL_WARN : LEVEL_OK, "limits",
            lock.rlim_cur < LOCK_FEW ? "ulimit -l 1024, or LimitMEMLOCK=1M in the unit: else secrets may reach the swap" : NULL, "%s for secrets that must not be swapped out",
            lock.rlim_cur == RLIM_INFINITY ? "any memory" : lock.rlim_cur < LOCK_FEW ? "too little memory" : "enough memory");
    bool zones = access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0;
    doctor_say(d, zones ? LEVEL_OK : LEVEL_FAIL, "time zones", zones ? NULL : "install tzdata: a budget's `timezone` needs it", zones ? "their data is there" : "/usr/share/zoneinfo is not there");
}

/* ---- ports ---- */

/* What the gate would listen on; EADDRINUSE is the gate's own where it runs. */
static void check_port(struct doctor *d, const char *what, const struct listen_address *at)
{
    int one = 1, why = 0;
    socklen_t len = at->addr.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (span_ends(span_of(at->text), SPAN(":0"))) /* whichever is free */
        return;
    int fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at->addr, len) != 0)
        why = errno;
    if (fd >= 0)
        close(fd);
    if (why && !(why == EADDRINUSE && d->running))
        doctor_say(d, LEVEL_FAIL, "ports", why == EADDRINUSE ? "find who has it with `ss -ltnp`, or choose another in the configuration" : "choose another in the configuration", "%s %s: %s", what,
            at->text, strerror(why));
    else
        doctor_say(d, LEVEL_OK, "ports", NULL, "%s %s is %s", what, at->text, why ? "the gate's" : "free");
}

void doctor_ports(struct doctor *d)
{
    const struct snapshot *s = d->snapshot;
    if (!s)
        return;
    check_port(d, "calls", &s->settings.listen);
    check_port(d, "admin", &s->settings.admin_listen);
    for (size_t i = 0; i < s->upstream_count; i++)
        if (s->upstreams[i].listen)
            check_port(d, arena_copy(&d->c->arena, s->upstreams[i].vendor.slug).at, s->upstreams[i].listen);
}

/* ---- the gate's own certificate ---- */

/* When the first certificate of the file is over, Unix ms; 0: it cannot be read. */
static int64_t good_until(const char *path)
{
    struct tm tm;
    int64_t until = 0;
    FILE *file = path ? fopen(path, "re") : NULL;
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm))
        until = (int64_t)timegm(&tm) * 1000;
    X509_free(certificate);
    if (file)
        fclose(file);
    return until;
}

void doctor_certificate(struct doctor *d)
{
    const struct settings *s = d->snapshot ? &d->snapshot->settings : NULL;
    char why[256] = "";
    if (!s || !s->tls_cert.at)
        return;
    struct tls_server *tls = tls_server_new(s->tls_cert, s->tls_key, why);
    if (!tls) {
        doctor_say(d, LEVEL_FAIL, "certificate", "mend `tls:` of the configuration; run this as the gate's user", "%s", why);
        return;
    }
    tls_server_free(tls);
    int64_t days = (good_until(arena_copy(&d->c->arena, s->tls_cert).at) - clock_unix_ms()) / DAY_MS;
    doctor_say(d, days <= 0 ? LEVEL_FAIL : days < EXPIRES_SOON_DAYS ? LEVEL_WARN : LEVEL_OK, "certificate", days < EXPIRES_SOON_DAYS ? "renew it, then `tollgate reload`" : NULL,
        "%.*s is good for %lld days more, and its key fits", SPAN_ARG(s->tls_cert), (long long)(days > 0 ? days : 0));
}
