/* SPDX-License-Identifier: Apache-2.0
 * sign.c - see sign.h. Key files are PEM: PKCS #8 the private half, SubjectPublicKeyInfo the public one, as `openssl`
 * reads and writes them. A key appears whole or not at all: it is written beside its place and moved there. */
#include "base/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { PATH_MOST = 4096, WORD = 200 /* of a path in a message */ };

struct signer {
    EVP_PKEY *key;
    EVP_MD_CTX *context;
};

static bool refuse(char why[256], const char *path, const char *what)
{
    snprintf(why, 256, "%.*s %s", 256 - 60, path, what);
    return false;
}

static bool path_of(char out[PATH_MOST], struct span path, const char *end)
{
    int len = snprintf(out, PATH_MOST, "%.*s%s", SPAN_ARG(path), end);
    return path.len && len > 0 && len < PATH_MOST && !memchr(path.at, 0, path.len);
}

/* ---- making a key ------------------------------------------------------------------------------------------------------------ */

static bool write_pem(FILE *f, EVP_PKEY *key, bool secret)
{
    int good = secret ? PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(f, key);
    return good == 1 && fflush(f) == 0 && fsync(fileno(f)) == 0;
}

/* One half, into path + end. */
static bool put_half(struct span path, const char *end, EVP_PKEY *key, bool secret)
{
    char to[PATH_MOST], from[PATH_MOST];
    char ending[16];
    snprintf(ending, sizeof(ending), "%s.new", end);
    if (!path_of(to, path, end) || !path_of(from, path, ending))
        return false;
    (void)unlink(from); /* of one that was cut off */
    int file = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
    FILE *f = file < 0 ? NULL : fdopen(file, "w");
    if (!f) {
        if (file >= 0)
            (void)close(file);
        return false;
    }
    bool good = write_pem(f, key, secret);
    good = fclose(f) == 0 && good && rename(from, to) == 0;
    if (!good)
        (void)unlink(from);
    return good;
}

static EVP_PKEY *make(struct span path, const char *name, char why[256])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (key && put_half(path, "", key, true))
        return key;
    refuse(why, name, "cannot be made");
    EVP_PKEY_free(key);
    return NULL;
}

/* ---- reading one ------------------------------------------------------------------------------------------------------------- */

/* No question for a password may ever stop a server. */
static int no_password(char *out, int room, int writing, void *self)
{
    (void)writing;
    (void)self;
    if (room > 0)
        *out = 0;
    return -1;
}

static EVP_PKEY *ed25519(EVP_PKEY *key)
{
    if (key && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *load(FILE *f, const char *name, char why[256])
{
    struct stat state;
    if (fstat(fileno(f), &state) != 0 || !S_ISREG(state.st_mode)) {
        refuse(why, name, "is no file");
        return NULL;
    }
    if (state.st_mode & 077) {
        refuse(why, name, "can be read by others: chmod 600");
        return NULL;
    }
    EVP_PKEY *key = ed25519(PEM_read_PrivateKey(f, NULL, no_password, NULL));
    if (!key)
        refuse(why, name, "is no Ed25519 private key in PEM");
    return key;
}

static EVP_PKEY *find_or_make(struct span path, char why[256])
{
    char name[PATH_MOST];
    if (!path_of(name, path, "")) {
        snprintf(why, 256, "the name of the key file is empty or too long");
        return NULL;
    }
    FILE *f = fopen(name, "re");
    if (!f && errno == ENOENT)
        return make(path, name, why);
    if (!f) {
        refuse(why, name, "cannot be read");
        return NULL;
    }
    EVP_PKEY *key = load(f, name, why);
    (void)fclose(f);
    return key;
}

static bool public_is_there(struct span path)
{
    char name[PATH_MOST];
    return path_of(name, path, ".pub") && access(name, F_OK) == 0;
}

struct signer *signer_open(struct span path, char why[256])
{
    struct signer *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(why, 256, "out of memory");
        return NULL;
    }
    s->context = EVP_MD_CTX_new();
    must(s->context);
    s->key = find_or_make(path, why);
    if (s->key && (public_is_there(path) || put_half(path, ".pub", s->key, false)))
        return s;
    if (s->key)
        snprintf(why, 256, "%.*s.pub cannot be made", (int)(path.len < WORD ? path.len : WORD), path.at);
    signer_free(s);
    return NULL;
}

void signer_free(struct signer *s)
{
    if (!s)
        return;
    EVP_PKEY_free(s->key); /* which wipes it */
    EVP_MD_CTX_free(s->context);
    free(s);
}

/* ---- using it ---------------------------------------------------------------------------------------------------------------- */

static const unsigned char *bytes(struct span s) { return (const unsigned char *)(s.len ? s.at : ""); }

void signer_public(const struct signer *s, uint8_t out[SIGN_KEY])
{
    size_t len = SIGN_KEY;
    must(EVP_PKEY_get_raw_public_key(s->key, out, &len) == 1 && len == SIGN_KEY);
}

void signer_sign(struct signer *s, struct span text, uint8_t out[SIGN_LEN])
{
    size_t len = SIGN_LEN;
    must(EVP_MD_CTX_reset(s->context) == 1);
    must(EVP_DigestSignInit(s->context, NULL, NULL, NULL, s->key) == 1);
    must(EVP_DigestSign(s->context, out, &len, bytes(text), text.len) == 1 && len == SIGN_LEN);
}

bool sign_check(const uint8_t key[SIGN_KEY], struct span text, const uint8_t signature[SIGN_LEN])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGN_KEY);
    must(context && public);
    must(EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1);
    bool good = EVP_DigestVerify(context, signature, SIGN_LEN, bytes(text), text.len) == 1;
    EVP_PKEY_free(public);
    EVP_MD_CTX_free(context);
    return good;
}

bool sign_key_read(struct span path_or_hex, uint8_t out[SIGN_KEY])
{
    char name[PATH_MOST];
    size_t len = SIGN_KEY;
    if (path_or_hex.len == 2 * SIGN_KEY && text_hex_decode(path_or_hex, out, SIGN_KEY))
        return true;
    FILE *f = path_of(name, path_or_hex, "") ? fopen(name, "re") : NULL;
    if (!f)
        return false;
    EVP_PKEY *key = ed25519(PEM_read_PUBKEY(f, NULL, no_password, NULL));
    (void)fclose(f);
    bool good = key && EVP_PKEY_get_raw_public_key(key, out, &len) == 1 && len == SIGN_KEY;
    EVP_PKEY_free(key);
    return good;
}
