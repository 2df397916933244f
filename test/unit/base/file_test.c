/* SPDX-License-Identifier: Apache-2.0
 * file_test.c - what is written whole is read whole, up to the ceiling. */
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/test.h"

static int fresh(void)
{
    char name[] = "/tmp/tollgate-file-XXXXXX";
    int fd = mkstemp(name);
    must(fd >= 0 && unlink(name) == 0);
    return fd;
}

TEST(what_is_written_is_read)
{
    static char bytes[300000];
    struct buf got;
    int fd = fresh();
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 % 251);
    CHECK(file_write(fd, span_make(bytes, sizeof(bytes))));
    CHECK(file_write(fd, SPAN("")));
    CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
    buf_init(&got, 1 << 20);
    buf_put(&got, SPAN("before "));
    CHECK(file_read(fd, &got));
    CHECK_INT(got.len, 7 + sizeof(bytes));
    CHECK_SPAN(span_first(buf_span(&got), 7), SPAN("before "));
    CHECK(memcmp(got.at + 7, bytes, sizeof(bytes)) == 0);
    CHECK(file_read(fd, &got)); /* nothing is left */
    CHECK_INT(got.len, 7 + sizeof(bytes));
    buf_free(&got);
    close(fd);
}

TEST(a_file_past_the_ceiling_breaks_the_buffer)
{
    static char bytes[40000];
    struct buf got;
    int fd = fresh();
    CHECK(file_write(fd, span_make(bytes, sizeof(bytes))));
    CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
    buf_init(&got, 20000);
    CHECK(!file_read(fd, &got));
    CHECK(got.broken);
    buf_free(&got);
    close(fd);
}

TEST(what_is_no_file_says_why)
{
    struct buf got;
    buf_init(&got, 20000);
    CHECK(!file_read(-1, &got) && !got.broken && errno == EBADF);
    CHECK(!file_write(-1, SPAN("x")) && errno == EBADF);
    CHECK(!file_sync_dir("/tmp/no/such/folder") && errno == ENOENT);
    CHECK(file_sync_dir("/tmp"));
    buf_free(&got);
}
