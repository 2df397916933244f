/* SPDX-License-Identifier: Apache-2.0
 * dash_test.c - "answer.message-price" is a field, "a - b" a difference: a minus stands between blanks. */
#include "test/unit/vendor/bench.h"

static struct bench b;

static int64_t worst(const char *rule, const char *body)
{
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "vendor: v\nbase_url: https://v.example\nkey_in: bearer\nsend: bearer\nbody: json\noperations:\n  a: { call: POST /a, reserve: { usd: \"%s\" } }\n", rule);
    CHECK_INT(bench_read(&b, yaml), E_OK);
    CHECK_INT(bench_ask(&b, "POST", "/a", body), E_OK);
    int64_t usd = b.understood.cost_known ? b.understood.worst[UNIT_USD] : -1;
    bench_close(&b);
    return usd;
}

TEST(a_dash_between_letters_belongs_to_the_name)
{
    static const char body[] = "{\"x\":5,\"y\":2,\"x-y\":7,\"deep\":{\"a-b-c\":9},\"list\":[{\"p-q\":1},{\"p-q\":2}]}";
    CHECK_INT(worst("body.x-y", body), 7 * INT64_C(1000000000));
    CHECK_INT(worst("body.x - body.y", body), 3 * INT64_C(1000000000));
    CHECK_INT(worst("body.x -1", body), 4 * INT64_C(1000000000));
    CHECK_INT(worst("body.deep.a-b-c", body), 9 * INT64_C(1000000000));
    CHECK_INT(worst("sum(body.list, item.p-q)", body), 3 * INT64_C(1000000000));
    CHECK_INT(worst("7-2", body), 5 * INT64_C(1000000000));
    /* Without blanks it is another field, which is not there: not known is never taken for zero. */
    CHECK_INT(worst("body.y-body.x", body), -1);
}
