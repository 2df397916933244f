/* SPDX-License-Identifier: Apache-2.0
 * health_news.c - a breaker that turns and a credential that is refused: into the log, and to the operator's side (gate_hooks). */
#include "flow/worker.h"

#include <stdatomic.h>

#include "base/log.h"

static void turned(void *self, struct span target, enum breaker now, struct span why)
{
    const struct workshop *shop = self;
    const struct gate_hooks *hooks = atomic_load(&shop->hooks);
    log_line(now == BREAKER_OPEN ? LOG_WARN : now == BREAKER_CLOSED ? LOG_INFO : LOG_DEBUG, "health", "the breaker of %.*s is %.*s: %.*s",
        SPAN_ARG(target), SPAN_ARG(breaker_name(now)), SPAN_ARG(why));
    if (hooks && hooks->turned)
        hooks->turned(hooks->self, target, now, why);
}

static void refused(void *self, struct span vendor, struct span credential, int status)
{
    const struct workshop *shop = self;
    const struct gate_hooks *hooks = atomic_load(&shop->hooks);
    log_error("health", "%.*s refused the credential %.*s with status %d: it is not used again until it is changed or reset", SPAN_ARG(vendor),
        SPAN_ARG(credential), status);
    if (hooks && hooks->refused)
        hooks->refused(hooks->self, vendor, credential, status);
}

struct health *shop_health(struct workshop *shop)
{
    const struct health_hooks hooks = { .self = shop, .turned = turned, .refused = refused };
    return health_new(&hooks);
}
