/* SPDX-License-Identifier: Apache-2.0
 * moment_test.c - times as vendors write them. */
#include "test/test.h"
#include "vendor/moment.h"

static int64_t at(enum clock clock, const char *text)
{
    int64_t ms = -2;
    return moment_read(clock, span_of(text), &ms) ? ms : -1;
}

TEST(mail_dates)
{
    CHECK_INT(at(CLOCK_RFC2822, "Fri, 24 May 2019 17:18:27 +0000"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_RFC2822, "24 May 2019 17:18:27 GMT"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_RFC2822, "Fri, 24 May 2019 19:18:27 +0200"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_RFC2822, "Fri, 24 May 2019 12:48:27 -0430"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_RFC2822, "Wed, 1 May 2019 00:00:00 UTC"), INT64_C(1556668800000));
    static const char *const bad[] = { "", "Fri", "Fri, 24 May 2019", "Fri, 24 may 2019 17:18:27 +0000",
        "Fri, 24 ayJ 2019 17:18:27 +0000", "Fri, 32 May 2019 17:18:27 +0000", "Fri, 24 May 19 17:18:27 +0000",
        "Fri, 24 May 2019 17:18 +0000", "Fri, 24 May 2019 25:18:27 +0000", "Fri, 24 May 2019 17:18:27 PST",
        "Fri, 24 May 2019 17:18:27 +00000", "Fri, 24 May 2019 17:18:27", "2019-05-24T17:18:27Z", ",,,,,", "Fri, -1 May 2019 17:18:27 +0000" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(at(CLOCK_RFC2822, bad[i]), -1);
}

TEST(internet_times)
{
    CHECK_INT(at(CLOCK_RFC3339, "2019-05-24T17:18:27Z"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_RFC3339, "2019-05-24T17:18:27.5+00:00"), INT64_C(1558718307500));
    CHECK_INT(at(CLOCK_RFC3339, "2019-05-24 17:18:27.674981+00"), INT64_C(1558718307674));
    CHECK_INT(at(CLOCK_RFC3339, "2019-05-24 12:18:27-05"), INT64_C(1558718307000));
    static const char *const bad[] = { "", "2019-05-24", "2019-05-24T17:18:27", "2019-05-24 17:18:27", "1558718307",
        "2019-05-24T17:18:27+0", "Fri, 24 May 2019 17:18:27 +0000" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(at(CLOCK_RFC3339, bad[i]), -1);
}

TEST(counts_of_seconds)
{
    CHECK_INT(at(CLOCK_UNIX, "1558718307"), INT64_C(1558718307000));
    CHECK_INT(at(CLOCK_UNIX_MS, "1558718307123"), INT64_C(1558718307123));
    CHECK_INT(at(CLOCK_UNIX, "9223372036854775807"), -1);
    CHECK_INT(at(CLOCK_UNIX, "1558718307.5"), -1);
    CHECK_INT(at(CLOCK_UNIX, "0"), -1);
    CHECK_INT(at(CLOCK_UNIX, "-5"), -1);
    CHECK_INT(at(CLOCK_UNIX_MS, ""), -1);
    CHECK_INT(at(CLOCK_UNIX_MS, "253402300800000"), -1);
}
