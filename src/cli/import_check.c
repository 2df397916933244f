/* SPDX-License-Identifier: Apache-2.0
 * import_check.c - an importer never shows what our own loader refuses: the configuration is loaded, with stand-ins for what the
 * environment will say. */
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/digest.h"
#include "base/log.h"
#include "cli/import.h"
#include "config/config.h"

enum { YAML_MOST = 15 << 20 };

/* A key file of nobody: a vendor whose secret is one looks into it. */
static struct span key_file(struct import *im)
{
    struct buf text;
    char *pem = NULL;
    struct span copy = SPAN_NONE;
    BIO *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = EVP_RSA_gen(2048);
    if (out && key && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)) {
        long len = BIO_get_mem_data(out, &pem);
        buf_init(&text, 1 << 16);
        struct json_out o = json_out(&text);
        json_open(&o, '{');
        json_pair(&o, SPAN("client_email"), SPAN("stand-in@example.com"));
        json_pair(&o, SPAN("private_key_id"), SPAN("1"));
        json_pair(&o, SPAN("private_key"), span_make(pem, (size_t)len));
        json_close(&o, '}');
        copy = arena_copy(im->a, buf_span(&text));
        buf_free(&text);
    }
    EVP_PKEY_free(key);
    BIO_free(out);
    return copy;
}

static void fill_key_files(struct import *im)
{
    const struct node *all = node_get(im->root, "credentials");
    for (const struct node *n = all ? all->first : NULL; n; n = n->next) {
        struct span *stand_in = map_get(&im->stand_ins, import_scalar(n, "secret"));
        if (stand_in && span_is(import_scalar(n, "vendor"), SPAN("vertex")))
            *stand_in = key_file(im);
    }
}

int import_check(struct import *im)
{
    static const uint8_t nobody[32];
    struct trouble t = { .set = false };
    struct snapshot *made = NULL;
    struct buf text;
    fill_key_files(im);
    buf_init(&text, YAML_MOST);
    import_write(im, true, &text);
    struct config_input in = { .file = SPAN("imported.yaml"), .text = buf_span(&text), .data_dir = SPAN("./data"), .master_key = nobody };
    log_level_set(LOG_ERROR);
    enum err e = text.broken ? E_TOO_LARGE : config_load(&in, &made, &t);
    buf_free(&text);
    snapshot_drop(made);
    if (!e)
        return EXIT_DONE;
    fprintf(stderr, "tollgate import: the gate would not take what this made, so nothing is shown or written: %s\n", t.set ? t.text : "too large");
    return EXIT_CONFIG;
}
