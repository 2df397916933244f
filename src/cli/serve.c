/* SPDX-License-Identifier: Apache-2.0
 * serve.c - `tollgate serve`: puts the parts together in their order, runs until SIGTERM or SIGINT, takes them apart in
 * the reverse order.
 *
 * Order: options -> data directory, master key and audit key -> books (recovery happens here) -> configuration -> gate
 * (workers) -> store thread -> alerts -> exports -> admin -> "ready". */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/sign.h"
#include "base/thread.h"
#include "cli/peek.h"
#include "cli/verb.h"
#include "net/tls.h"
#include "sandbox/sandbox.h"

enum { WORKERS_MAX = 32, SERVE_ARENA = 256 << 20 };

struct service {
    struct arena arena;
    struct span file, data_dir;
    bool with_sandbox, walk, check_only, first;
    uint8_t master_key[32];
    struct sandbox *sandbox;
    struct config_input config;
    struct signer *signer; /* of the audit log's checkpoints */
    struct books *books;
    struct store_reader *reader;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct gate *gate;
    struct alerts *alerts;
    struct exports *exports;
    struct telemetry *telemetry;
    struct admin *_Atomic admin;   /* read by the store thread */
    char token[CONFIG_TOKEN_ROOM]; /* the admin token of a configuration without one */
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "tollgate serve: %s: %s\n", what, why);
    return EXIT_CONFIG;
}

static void usage(FILE *to)
{
    fputs("usage: tollgate serve --config FILE [--data DIR]    run the gate\n"
          "       tollgate serve --sandbox [--no-walk]          run it with built-in vendors and demo keys\n"
          "       tollgate serve --config FILE --check          read the configuration, say what is wrong with it\n",
        to);
}

static int read_options(struct service *s, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' }, { "data", required_argument, NULL, 'd' },
        { "sandbox", no_argument, NULL, 's' }, { "no-walk", no_argument, NULL, 'w' }, { "check", no_argument, NULL, 'k' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    int option;
    s->walk = true;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:d:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            s->file = span_of(optarg);
            break;
        case 'd':
            s->data_dir = span_of(optarg);
            break;
        case 's':
            s->with_sandbox = true;
            break;
        case 'w':
            s->walk = false;
            break;
        case 'k':
            s->check_only = true;
            break;
        case 'h':
            usage(stdout);
            exit(EXIT_DONE);
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return EXIT_DONE;
    fprintf(stderr, "tollgate serve: unexpected argument \"%s\"\n", argv[optind]);
    usage(stderr);
    return EXIT_USAGE;
}

/* ---- the parts, in order ---- */

static int start_sandbox(struct service *s)
{
    char why[256] = "";
    if (!s->with_sandbox)
        return EXIT_DONE;
    s->sandbox = sandbox_start(why);
    if (!s->sandbox)
        return complain("the sandbox could not be started", why);
    const char *listen = getenv("TOLLGATE_LISTEN"), *admin = getenv("TOLLGATE_ADMIN_LISTEN");
    s->config.text = sandbox_configuration(&s->arena, sandbox_address(s->sandbox), span_of(listen ? listen : "127.0.0.1:8080"),
        span_of(admin ? admin : "127.0.0.1:8081"));
    s->config.file = SPAN("sandbox.yaml");
    if (!s->data_dir.at)
        s->data_dir = SPAN("./data/sandbox");
    return EXIT_DONE;
}

static bool make_directory(struct span dir)
{
    char path[4096];
    snprintf(path, sizeof(path), "%.*s", SPAN_ARG(dir));
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static unsigned worker_count(const struct snapshot *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long wanted = s ? s->settings.workers : 0;
    if (wanted <= 0)
        wanted = cores > 0 ? cores : 1;
    return (unsigned)(wanted > WORKERS_MAX ? WORKERS_MAX : wanted);
}

static int open_books(struct service *s, struct span dir)
{
    char why[256] = "";
    s->signer = signer_open(arena_print(&s->arena, "%.*s/audit.key", SPAN_ARG(dir)), why);
    if (!s->signer)
        return complain("the key of the audit log", why);
    /* As many journals as there could be workers: the configuration can only be read after the store. */
    s->books = books_open(dir, worker_count(NULL), s->signer, why);
    if (!s->books)
        return complain("the data directory cannot be used", why);
    s->reader = store_reader_new(books_store(s->books), why);
    return s->reader ? EXIT_DONE : complain("the store cannot be read", why);
}

static int open_data(struct service *s)
{
    struct trouble t = { .set = false };
    struct span dir;
    if (config_data_dir(&s->config, &s->arena, &dir, &t) != E_OK)
        return complain("the configuration is not valid", t.text);
    if (!make_directory(dir))
        return complain(dir.at, strerror(errno));
    s->config.data_dir = dir;
    if (config_master_key(dir, s->master_key, &t) != E_OK)
        return complain("the master key", t.text);
    s->config.master_key = s->master_key;
    return open_books(s, dir);
}

static int read_configuration(struct service *s)
{
    struct trouble t = { .set = false };
    bool fine = config_load(&s->config, &s->snapshot, &t) == E_OK && s->snapshot;
    return fine ? EXIT_DONE : complain("the configuration is not valid", t.text);
}

/* One that is there already opens the gate when a later configuration has none, too. */
static int read_token(struct service *s)
{
    struct trouble t = { .set = false };
    if (config_admin_token(s->config.data_dir, s->token, &s->first, &t) != E_OK)
        return complain("the admin token", t.text);
    s->config.admin_token = span_of(s->token);
    return EXIT_DONE;
}

/* Nothing is open by default: a first start without a token makes one, and reads once more with it. What is to be warned of was said. */
static int make_token(struct service *s)
{
    int code = read_token(s);
    snapshot_drop(s->snapshot);
    s->snapshot = NULL;
    if (code != EXIT_DONE)
        return code;
    log_level_set(LOG_ERROR);
    return read_configuration(s);
}

static int load(struct service *s)
{
    int code = EXIT_DONE;
    struct config_object *objects;
    if (admin_objects(s->reader, &s->arena, &objects, &s->config.object_count) != E_OK)
        return complain("the store", "stored configuration cannot be read");
    s->config.objects = objects;
    if (peek_file(s->config.data_dir, "admin.token", &s->arena))
        code = read_token(s);
    if (code == EXIT_DONE)
        code = read_configuration(s);
    if (code == EXIT_DONE && !s->snapshot->settings.has_admin_token)
        code = make_token(s);
    if (code != EXIT_DONE)
        return code;
    log_level_set(s->snapshot->settings.log_level);
    log_format_set(s->snapshot->settings.log_format);
    if (s->first)
        log_warn("gate", "an admin token was made; it stands in %.*s/admin.token", SPAN_ARG(s->config.data_dir));
    s->stops = admin_stop_set(objects, s->config.object_count, NULL);
    return s->stops ? EXIT_DONE : complain("the store", "no memory for the stops");
}

/* ---- --check: no lock, no file made ---- */

static int check_certificate(const struct settings *s)
{
    char why[256] = "";
    struct tls_server *tls = s->tls_cert.at ? tls_server_new(s->tls_cert, s->tls_key, why) : NULL;
    if (s->tls_cert.at && !tls)
        return complain("the configuration is not valid", why);
    tls_server_free(tls);
    return EXIT_DONE;
}

static int check(struct service *s)
{
    struct trouble t = { .set = false };
    struct span dir;
    bool older;
    char why[256];
    if (config_data_dir(&s->config, &s->arena, &dir, &t) != E_OK)
        return complain("the configuration is not valid", t.text);
    s->config.data_dir = dir;
    s->config.master_key = s->master_key;
    if (peek_master_key(dir, s->master_key, &t) != E_OK)
        return complain("the master key", t.text);
    if (!peek_objects(dir, &s->arena, &s->config, &older, why) && !older)
        return complain("the store cannot be read", why);
    if (older) /* a new binary beside the old gate: what the file says can be judged all the same */
        fputs("tollgate serve: stored objects were not read: their tables are older\n", stderr);
    int code = read_configuration(s);
    if (code == EXIT_DONE)
        code = check_certificate(&s->snapshot->settings);
    if (code == EXIT_DONE)
        printf("the configuration is valid (%.*s)\n", SPAN_ARG(s->snapshot->digest));
    return code;
}

static void committed(void *self)
{
    struct admin *admin = ((struct service *)self)->admin;
    if (admin)
        admin_committed(admin);
}

static struct snapshot *snapshot_now(void *self) { return gate_snapshot(((struct service *)self)->gate); }

static void export_alarmed(void *self) { alerts_wake(((struct service *)self)->alerts); }

static int run_parts(struct service *s)
{
    char why[256] = "";
    unsigned workers = worker_count(s->snapshot), journals = worker_count(NULL);
    s->gate = gate_start(s->snapshot, s->stops, s->books, workers < journals ? workers : journals, why);
    if (!s->gate)
        return complain("the gate cannot start", why);
    if (books_start(s->books, committed, s) != E_OK) /* before the admin plane can ask it for anything */
        return complain("the store", "its thread cannot be started");
    s->alerts = alerts_start(books_store(s->books), snapshot_now, s, why);
    if (!s->alerts)
        return complain("the alerts cannot start", why);
    struct exports_needs needs = { books_store(s->books), snapshot_now, export_alarmed, s };
    s->exports = exports_start(&needs, why);
    if (!s->exports)
        return complain("the exports cannot start", why);
    struct telemetry_needs watched = { gate_observers(s->gate), snapshot_now, s };
    s->telemetry = telemetry_start(&watched, why);
    if (!s->telemetry)
        return complain("the telemetry cannot start", why);
    struct admin_parts parts = {
        .gate = s->gate, .books = s->books, .config = s->config, .listen = s->snapshot->settings.admin_listen, .alerts = s->alerts, .exports = s->exports, .telemetry = s->telemetry,
        .version = SPAN(TOLLGATE_VERSION), .sandbox = s->with_sandbox, .greet = s->first || s->with_sandbox
    };
    s->admin = admin_start(&parts, why);
    if (!s->admin)
        return complain("the admin plane cannot start", why);
    printf("ready data=%.*s admin=%.*s\n", SPAN_ARG(gate_address(s->gate)), SPAN_ARG(admin_address(s->admin)));
    fflush(stdout);
    return EXIT_DONE;
}

static void *walk(void *self)
{
    struct service *s = self;
    sandbox_walk(gate_address(s->gate), admin_address(s->admin), s->config.admin_token);
    return NULL;
}

/* Signals are taken here, by one thread, one at a time. */
static void wait_for_the_end(struct service *s, const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) == 0 && number == SIGHUP)
        admin_reload(s->admin);
    log_info("serve", "%s: no new calls; those under way may end", number == SIGINT ? "SIGINT" : "SIGTERM");
    gate_drain(s->gate, s->snapshot->settings.limits.drain_ms);
}

static void take_apart(struct service *s)
{
    if (s->admin)
        admin_stop(s->admin);
    telemetry_stop(s->telemetry);
    exports_stop(s->exports);
    if (s->alerts)
        alerts_stop(s->alerts);
    if (s->gate)
        gate_free(s->gate);
    stop_set_drop(s->stops);
    if (s->snapshot)
        snapshot_drop(s->snapshot);
    if (s->reader)
        store_reader_free(s->reader);
    books_close(s->books);
    signer_free(s->signer);
    if (s->admin)
        admin_free(s->admin);
    if (s->sandbox)
        sandbox_stop(s->sandbox);
    secret_wipe(s->master_key, sizeof(s->master_key));
    secret_wipe(s->token, sizeof(s->token));
    arena_free(&s->arena);
}

/* Secrets must not reach a core file, and a gate needs two descriptors a call. */
static void harden(void)
{
    struct rlimit limit;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int serve(int argc, char **argv)
{
    struct service s = { .file = SPAN_NONE };
    sigset_t signals;
    pthread_t walker;
    int code = read_options(&s, argc, argv);
    if (code != EXIT_DONE)
        return code;
    harden();
    setvbuf(stdout, NULL, _IOLBF, 0); /* "ready" and the walk-through are read from a pipe, too */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it */
    signal(SIGPIPE, SIG_IGN);
    arena_init(&s.arena, SERVE_ARENA);
    s.config.file = s.file;
    if ((code = start_sandbox(&s)) == EXIT_DONE) {
        if (s.data_dir.at)
            s.config.data_dir = s.data_dir;
        code = s.check_only ? check(&s) : open_data(&s);
    }
    if (code == EXIT_DONE && !s.check_only && (code = load(&s)) == EXIT_DONE && (code = run_parts(&s)) == EXIT_DONE) {
        bool walking = s.with_sandbox && s.walk && thread_start(&walker, walk, &s, "walk-through");
        wait_for_the_end(&s, &signals);
        if (walking)
            pthread_join(walker, NULL);
    }
    take_apart(&s);
    return code;
}
