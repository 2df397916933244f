/* SPDX-License-Identifier: Apache-2.0
 * report.c - a status callback of the sandbox's Twilio, signed as Twilio signs: HMAC-SHA1, under the account's secret, of the URL
 * and each parameter's name and value, in order of names. */
#include "sandbox/report.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/text.h"
#include "sandbox/sandbox.h"

enum { SIGNATURE_MOST = 128 };

struct report report_delivered(struct arena *a, struct span url, struct span message)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct buf coded;
    struct span secret = SPAN(SANDBOX_TWILIO);
    struct span text = arena_print(a, "%.*sAccountSid" SANDBOX_ACCOUNT "MessageSid%.*sMessageStatusdelivered", SPAN_ARG(url), SPAN_ARG(message));
    must(HMAC(EVP_sha1(), secret.at, (int)secret.len, (const unsigned char *)text.at, text.len, mac, &len));
    buf_init(&coded, SIGNATURE_MOST);
    buf_put_base64(&coded, span_make((const char *)mac, len));
    struct report r = { arena_print(a, "AccountSid=" SANDBOX_ACCOUNT "&MessageSid=%.*s&MessageStatus=delivered", SPAN_ARG(message)),
        arena_copy(a, buf_span(&coded)) };
    buf_free(&coded);
    return r;
}
