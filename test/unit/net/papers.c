/* SPDX-License-Identifier: Apache-2.0
 * papers.c - see papers.h. */
#include "test/unit/net/papers.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

/* by == NULL: signs itself. */
static struct authority issue(const char *name, const struct authority *by, const char *alt)
{
    static long serial = 1;
    struct authority a = { .key = EVP_EC_gen("P-256"), .cert = X509_new() };
    must(a.key && a.cert);
    X509_set_version(a.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(a.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(a.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(a.cert), 3600);
    X509_set_pubkey(a.cert, a.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(a.cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509 *issuer = by ? by->cert : a.cert;
    X509_set_issuer_name(a.cert, X509_get_subject_name(issuer));
    extend(a.cert, issuer, NID_basic_constraints, by ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (alt)
        extend(a.cert, issuer, NID_subject_alt_name, alt);
    must(X509_sign(a.cert, by ? by->key : a.key, EVP_sha256()) > 0);
    return a;
}

static void drop_authority(struct authority *a)
{
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
}

static void save(const struct authority *a, const char *cert, const char *key)
{
    FILE *f = fopen(cert, "w");
    must(f && PEM_write_X509(f, a->cert) == 1);
    fclose(f);
    if (!key)
        return;
    f = fopen(key, "w");
    must(f && PEM_write_PrivateKey(f, a->key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(f);
}

void papers_make(struct papers *p)
{
    strcpy(p->dir, "/tmp/tls-test-XXXXXX");
    must(mkdtemp(p->dir));
    snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", p->dir);
    snprintf(p->stranger_ca, sizeof(p->stranger_ca), "%s/stranger.pem", p->dir);
    snprintf(p->cert, sizeof(p->cert), "%s/cert.pem", p->dir);
    snprintf(p->key, sizeof(p->key), "%s/key.pem", p->dir);
    snprintf(p->other_cert, sizeof(p->other_cert), "%s/other-cert.pem", p->dir);
    snprintf(p->other_key, sizeof(p->other_key), "%s/other-key.pem", p->dir);
    p->ours = issue("our CA", NULL, NULL);
    p->stranger = issue("stranger", NULL, NULL);
    struct authority server = issue("gate", &p->ours, "DNS:localhost,IP:127.0.0.1");
    struct authority other = issue("other", &p->ours, "DNS:other.test,DNS:*.wild.test");
    save(&p->ours, p->ca, NULL);
    save(&p->stranger, p->stranger_ca, NULL);
    save(&server, p->cert, p->key);
    save(&other, p->other_cert, p->other_key);
    drop_authority(&server);
    drop_authority(&other);
}

void papers_burn(struct papers *p)
{
    const char *files[] = { p->ca, p->stranger_ca, p->cert, p->key, p->other_cert, p->other_key };
    for (size_t i = 0; i < 6; i++)
        unlink(files[i]);
    rmdir(p->dir);
    drop_authority(&p->ours);
    drop_authority(&p->stranger);
}
