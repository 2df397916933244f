/* SPDX-License-Identifier: Apache-2.0
 * providers_test.c - the catalogue of providers: each of them loads, is called by its own address with its own kind of key, and a
 * name of a model leads nowhere else. What is expected is worked out from the catalogue's rows here, by other code than the gate's. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/providers.h"
#include "test/unit/config/conf.h"

/* What the operator fills in, for any of them. */
static const struct {
    const char *name, *value;
} fills[] = { { "region", "us-east-1" }, { "resource", "res" }, { "account_id", "acc1" }, { "gateway", "gw1" }, { "host", "h.example" }, { "app", "app1" },
    { "neon_ai_gateway_base_url", "https://neon.example" }, { "endpoint", "ep1" }, { "account", "acct" }, { "location", "us-central1" },
    { "project", "proj-1" }, { "version", "2024-10-21" }, { "token_url", "https://token.example" }, { "tenant", "ten1" }, { "api_version", "2024-10-21" } };

static void fill_in(char *text, size_t room)
{
    for (size_t i = 0; i < sizeof(fills) / sizeof(*fills); i++) {
        char place[40], *at, rest[512];
        snprintf(place, sizeof(place), "{%s}", fills[i].name);
        while ((at = strstr(text, place)) != NULL) {
            snprintf(rest, sizeof(rest), "%s", at + strlen(place));
            snprintf(at, room - (size_t)(at - text), "%s%s", fills[i].value, rest);
        }
    }
}

/* A service account's key file, made anew: as JSON in one line. */
static const char *key_file(void)
{
    static char file[8192];
    if (file[0])
        return file;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *out = BIO_new(BIO_s_mem());
    char *pem;
    must(key && out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1);
    long len = BIO_get_mem_data(out, &pem);
    size_t at = (size_t)snprintf(file, sizeof(file), "{\"type\":\"service_account\",\"private_key_id\":\"k1\",\"private_key\":\"");
    for (long i = 0; i < len; i++)
        at += (size_t)snprintf(file + at, sizeof(file) - at, pem[i] == '\n' ? "\\n" : "%c", pem[i]);
    snprintf(file + at, sizeof(file) - at, "\",\"client_email\":\"sa@p.iam.gserviceaccount.com\",\"token_uri\":\"https://evil.example/token\"}");
    BIO_free(out);
    EVP_PKEY_free(key);
    return file;
}

/* The settings that a manifest asks for are said by its error: here they are all known. */
static void put_settings(struct buf *yaml, const struct provider *p)
{
    const char *between = "";
    buf_print(yaml, "  %.*s: { settings: {", SPAN_ARG(p->slug));
    for (size_t i = 0; i < sizeof(fills) / sizeof(*fills); i++) {
        char place[40];
        snprintf(place, sizeof(place), "{%s}", fills[i].name);
        bool used = span_find(p->base_url, span_of(place)) >= 0 || (strcmp(fills[i].name, "version") == 0 && span_find(p->paths, SPAN("version={version}")) >= 0) ||
                    (strcmp(fills[i].name, "tenant") == 0 && span_find(p->paths, SPAN("{tenant}")) >= 0) ||
                    (strcmp(fills[i].name, "token_url") == 0 && span_is(p->auth, SPAN("client"))) ||
                    (strcmp(fills[i].name, "project") == 0 && span_is(p->slug, SPAN("vertex")));
        if (!used || (span_is(p->slug, SPAN("azure")) && strcmp(fills[i].name, "version") == 0))
            continue;
        buf_print(yaml, "%s %s: \"%s\"", between, fills[i].name, fills[i].value);
        between = ",";
    }
    buf_print(yaml, " } }\n");
}

static void all_of_them(struct buf *yaml)
{
    struct provider p;
    buf_init(yaml, 1 << 20);
    for (size_t at = 0; provider_next(&at, &p);)
        put_settings(yaml, &p);
    buf_print(yaml, "credentials:\n");
    for (size_t at = 0; provider_next(&at, &p);) {
        if (span_is(p.slug, SPAN("vertex")))
            buf_print(yaml, "  %.*s: { vendor: vertex, secret: '%s' }\n", SPAN_ARG(p.slug), key_file());
        else
            buf_print(yaml, "  %.*s: { vendor: %.*s, secret: sk-secret-1, key_id: AKID }\n", SPAN_ARG(p.slug), SPAN_ARG(p.slug));
    }
    buf_put_byte(yaml, '\0');
}

static const struct credential *credential_of(const struct snapshot *s, struct span slug)
{
    for (size_t i = 0; i < s->credential_count; i++)
        if (span_is(s->credentials[i].name, slug))
            return &s->credentials[i];
    return NULL;
}

/* The head of a call as it is sent; SPAN_NONE: no such operation. *origin: where it goes. */
static struct span sent(const struct upstream *u, const struct vendor_secret *secret, const char *method, const char *target, struct arena *a, struct span *origin)
{
    struct matched m;
    struct http_head head = { .length = 2 };
    struct span path, query;
    const char *why;
    struct buf out;
    size_t count;
    if (canon_target(a, span_of(target), &path, &query, &why) != E_OK || !vendor_match(&u->vendor, span_of(method), path, &m))
        return SPAN_NONE;
    struct compose c = { .vendor = &u->vendor, .matched = &m, .head = &head, .path = path, .query = query, .length = 2, .secret = secret,
        .body = SPAN("{}"), .token = SPAN("token-1"), .settings = u->settings, .now_ms = 1795262400000 };
    buf_init(&out, 1 << 16);
    size_t index = vendor_compose(&c, a, &out);
    *origin = vendor_origins(&u->vendor, &count)[index].base_url;
    struct span text = out.broken ? SPAN_NONE : arena_copy(a, buf_span(&out));
    buf_free(&out);
    return text;
}

/* "POST /openai/v1/chat/completions HTTP/1.1" and "\r\nhost: api.groq.com\r\n" for an address. */
static void expected(const struct provider *p, struct span own, const char *usual, char line[512], char host[256])
{
    char url[512];
    if (own.at && span_find(own, SPAN("://")) >= 0)
        snprintf(url, sizeof(url), "%.*s", SPAN_ARG(own));
    else if (own.at)
        snprintf(url, sizeof(url), "%.*s%.*s", SPAN_ARG(p->base_url), SPAN_ARG(own));
    else
        snprintf(url, sizeof(url), "%.*s%s", SPAN_ARG(p->base_url), usual);
    fill_in(url, sizeof(url));
    char *authority = strstr(url, "://") + 3, *path = strchr(authority, '/');
    snprintf(line, 512, "POST %s HTTP/1.1\r\n", path);
    snprintf(host, 256, "\r\nhost: %.*s\r\n", (int)(path - authority), authority);
}

static void key_line(const struct provider *p, char out[300])
{
    struct span auth = p->auth;
    if (span_is(auth, SPAN("bearer")) || span_is(auth, SPAN("token")))
        snprintf(out, 300, "\r\nauthorization: Bearer sk-secret-1\r\n");
    else if (span_is(auth, SPAN("client")) || span_is(auth, SPAN("ibm")) || span_is(auth, SPAN("key_file")))
        snprintf(out, 300, "\r\nauthorization: Bearer token-1\r\n");
    else if (span_is(auth, SPAN("basic")))
        snprintf(out, 300, "\r\nauthorization: Basic QUtJRDpzay1zZWNyZXQtMQ==\r\n");
    else if (span_is(auth, SPAN("scheme:")))
        snprintf(out, 300, "\r\nauthorization: sk-secret-1\r\n");
    else if (span_starts(auth, SPAN("scheme:")))
        snprintf(out, 300, "\r\nauthorization: %.*s sk-secret-1\r\n", SPAN_ARG(span_from(auth, 7)));
    else if (span_starts(auth, SPAN("header:")))
        snprintf(out, 300, "\r\n%.*s: sk-secret-1\r\n", SPAN_ARG(span_from(auth, 7)));
    else if (span_starts(auth, SPAN("sigv4")))
        snprintf(out, 300, "\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKID/");
    else if (span_starts(auth, SPAN("query:")))
        snprintf(out, 300, "%.*s=sk-secret-1 HTTP/1.1\r\n", SPAN_ARG(span_from(auth, 6)));
    else
        out[0] = '\0';
    for (char *at = out + 2; span_starts(auth, SPAN("header:")) && *at && *at != ':'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
}

static bool by_hand(const struct provider *p)
{
    static const char *const names[] = { "azure", "bedrock", "cohere", "gemini", "mistral", "ollama", "vertex", "anthropic", "openai" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (span_is(p->slug, span_of(names[i])))
            return true;
    return false;
}

/* One path of a provider of a family, as callers of any provider write it. */
static bool calls_right(struct conf *r, const struct provider *p, const char *kind, const char *usual, struct arena *a)
{
    char line[512], host[256], key[300], v1[128], query[64] = "";
    struct span own = provider_path(p, span_of(kind)), origin;
    const struct credential *c = credential_of(r->snapshot, p->slug);
    if (span_find_byte(own, '{') >= 0 && span_find(own, SPAN("={version}")) < 0)
        return true; /* by its own path only */
    expected(p, own, usual, line, host);
    key_line(p, key);
    snprintf(v1, sizeof(v1), "/v1%s%s", usual, query);
    bool good = true;
    for (int i = 0; i < 2; i++) { /* with /v1, and without */
        struct span head = sent(c->upstream, &c->secret, "POST", i ? usual : v1, a, &origin);
        bool fits = head.at && span_starts(head, span_of(line)) && span_find(head, span_of(host)) >= 0 && span_find(head, span_of(key)) >= 0;
        if (!fits)
            printf("  %.*s %s: want %s%s%s got %.*s\n", SPAN_ARG(p->slug), kind, line, host, key, SPAN_ARG(head));
        good = good && fits;
    }
    return good;
}

/* What nobody prices is called by its own path. */
static size_t own_calls(struct conf *r, const struct provider *p, struct arena *a)
{
    struct span rest = p->paths.len ? p->paths : SPAN_NONE, one, kind, origin;
    const struct credential *c = credential_of(r->snapshot, p->slug);
    char line[512], host[256], key[300], path[256];
    size_t count = 0;
    while (rest.at && span_next(&rest, ' ', &one)) {
        bool reads = span_starts(one, SPAN("poll=")) || span_starts(one, SPAN("models="));
        if (!span_cut(&one, '=', &kind) || reads || span_find_byte(one, '?') >= 0 || span_find(one, SPAN("://")) >= 0 || one.len < 2)
            continue;
        /* Places of the caller's get something. */
        snprintf(path, sizeof(path), "%.*s", SPAN_ARG(one));
        for (char *at = path, *end; (at = strchr(at, '{')) && (end = strchr(at, '}')); at++) {
            memset(at, 'm', 1);
            memmove(at + 1, end + 1, strlen(end + 1) + 1);
        }
        expected(p, span_of(path), "", line, host);
        key_line(p, key);
        if (span_starts(p->auth, SPAN("query:")))
            *strchr(strchr(line, ' ') + 1, ' ') = '\0';
        struct span head = sent(c->upstream, &c->secret, "POST", path, a, &origin);
        count++;
        if (!span_starts(head, span_of(line)) || span_find(head, span_of(host)) < 0 || span_find(head, span_of(key)) < 0)
            test_fail(__FILE__, __LINE__, "%.*s %.*s: want %s%s%s got %.*s", SPAN_ARG(p->slug), SPAN_ARG(kind), line, host, key, SPAN_ARG(head));
    }
    return count;
}

TEST(every_provider_of_the_catalogue_is_called_by_its_address_with_its_key)
{
    struct conf r;
    struct buf yaml;
    struct arena a;
    struct provider p;
    size_t count = 0, families = 0, others = 0;
    arena_init(&a, 16 << 20);
    all_of_them(&yaml);
    conf_open(&r, yaml.at);
    for (size_t at = 0; provider_next(&at, &p); count++) {
        const struct upstream *u = snapshot_upstream(r.snapshot, p.slug);
        struct span rest = p.aliases.len ? p.aliases : SPAN_NONE, one;
        CHECK(u && span_is(u->vendor.slug, p.slug) && credential_of(r.snapshot, p.slug)->upstream == u);
        while (rest.at && span_next(&rest, ' ', &one))
            CHECK(snapshot_provider(r.snapshot, one) == u);
        struct span chat = provider_path(&p, SPAN("chat"));
        bool family = span_is(p.dialect, SPAN("openai")) || span_is(p.dialect, SPAN("anthropic"));
        if (!by_hand(&p) && !family)
            others += own_calls(&r, &p, &a);
        if (by_hand(&p) || !family)
            continue;
        families++;
        CHECK(u->llm);
        if (span_is(p.dialect, SPAN("anthropic")))
            CHECK(calls_right(&r, &p, "messages", "/messages", &a));
        else if (!span_is(chat, SPAN("-")))
            CHECK(calls_right(&r, &p, "chat", "/chat/completions", &a));
        if (span_is(p.dialect, SPAN("openai")) && !span_is(provider_path(&p, SPAN("embeddings")), SPAN("-")))
            CHECK(calls_right(&r, &p, "embeddings", "/embeddings", &a));
        arena_free(&a);
        arena_init(&a, 16 << 20);
    }
    CHECK_INT(count, 291);
    CHECK(families > 200 && others > 60);
    conf_close(&r);
    buf_free(&yaml);
    arena_free(&a);
}
