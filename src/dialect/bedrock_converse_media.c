/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_media.c - pictures, sounds, videos and documents as Converse takes them: bytes, or a place in S3; with a format of its
 * own words for media types. */
#include "dialect/bedrock_converse_int.h"

struct format {
    struct span type, format; /* "image/png", "png" */
};

#define FORMAT(type, format) { { "" type, sizeof(type) - 1 }, { "" format, sizeof(format) - 1 } }
static const struct format images[] = { FORMAT("image/png", "png"), FORMAT("image/jpeg", "jpeg"), FORMAT("image/jpg", "jpeg"),
    FORMAT("image/gif", "gif"), FORMAT("image/webp", "webp"), { { NULL, 0 }, { NULL, 0 } } };
static const struct format sounds[] = { FORMAT("audio/mpeg", "mp3"), FORMAT("audio/mp3", "mp3"), FORMAT("audio/wav", "wav"),
    FORMAT("audio/x-wav", "wav"), FORMAT("audio/flac", "flac"), FORMAT("audio/ogg", "ogg"), FORMAT("audio/opus", "opus"),
    FORMAT("audio/aac", "aac"), FORMAT("audio/mp4", "mp4"), FORMAT("audio/x-m4a", "m4a"), FORMAT("audio/m4a", "m4a"),
    FORMAT("audio/webm", "webm"), FORMAT("audio/pcm", "pcm"), FORMAT("audio/x-matroska", "mka"), { { NULL, 0 }, { NULL, 0 } } };
static const struct format videos[] = { FORMAT("video/mp4", "mp4"), FORMAT("video/quicktime", "mov"), FORMAT("video/mov", "mov"),
    FORMAT("video/x-matroska", "mkv"), FORMAT("video/webm", "webm"), FORMAT("video/x-flv", "flv"), FORMAT("video/mpeg", "mpeg"),
    FORMAT("video/mpg", "mpg"), FORMAT("video/x-ms-wmv", "wmv"), FORMAT("video/wmv", "wmv"), FORMAT("video/3gpp", "three_gp"),
    { { NULL, 0 }, { NULL, 0 } } };
static const struct format documents[] = { FORMAT("application/pdf", "pdf"), FORMAT("text/plain", "txt"), FORMAT("text/markdown", "md"),
    FORMAT("text/html", "html"), FORMAT("text/csv", "csv"), FORMAT("application/msword", "doc"),
    FORMAT("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"), FORMAT("application/vnd.ms-excel", "xls"),
    FORMAT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"), { { NULL, 0 }, { NULL, 0 } } };

/* How files begin, in base64: for those whose type nobody said. */
static const struct format beginnings[] = { FORMAT("iVBORw0KGgo", "png"), FORMAT("/9j/", "jpeg"), FORMAT("R0lGOD", "gif"),
    FORMAT("UklGR", "webp"), FORMAT("JVBERi0", "pdf"), { { NULL, 0 }, { NULL, 0 } } };

static const struct format *formats_of(enum part_kind kind)
{
    switch (kind) {
    case PART_AUDIO:
        return sounds;
    case PART_VIDEO:
        return videos;
    case PART_DOCUMENT:
        return documents;
    default:
        return images;
    }
}

static struct span member_of(enum part_kind kind)
{
    switch (kind) {
    case PART_AUDIO:
        return SPAN("audio");
    case PART_VIDEO:
        return SPAN("video");
    case PART_DOCUMENT:
        return SPAN("document");
    default:
        return SPAN("image");
    }
}

static bool known(const struct format *list, struct span format)
{
    while (list->format.at && !span_is(list->format, format))
        list++;
    return list->format.at != NULL;
}

/* "pdf" of "s3://bucket/a.pdf". */
static struct span suffix(struct span raw)
{
    struct span rest = raw_inside(raw), piece = SPAN_NONE;
    bool any = span_find_byte(rest, '.') >= 0;
    while (rest.at && span_next(&rest, '.', &piece)) { }
    return any ? piece : SPAN_NONE;
}

static struct span format_of(const struct part *p)
{
    const struct media *m = &p->media;
    const struct format *list = formats_of(p->kind);
    struct span type = m->type, bare;
    if (span_cut(&type, ';', &bare))
        type = bare;
    else
        type = m->type;
    for (const struct format *f = list; type.at && f->type.at; f++)
        if (span_is_nocase(f->type, type))
            return f->format;
    if (type.at)
        return SPAN_NONE;
    for (const struct format *f = beginnings; m->data.at && f->type.at; f++)
        if (span_starts(m->data, f->type) && known(list, f->format))
            return f->format;
    struct span end = suffix(m->url.at ? m->url : m->name);
    end = span_is(end, SPAN("jpg")) ? SPAN("jpeg") : end;
    return known(list, end) ? end : SPAN_NONE;
}

static bool is_s3(struct span url) { return span_starts(raw_inside(url), SPAN("s3://")); }

static bool may_stand_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr("-()[]", c, 5) != NULL;
}

enum { NAME_MOST = 180 };

/* Letters, digits, some brackets and single blanks are all that a name may have, and no two documents may have one name. */
static struct span document_name(struct converse *c, struct span raw)
{
    char name[NAME_MOST];
    size_t len = 0;
    struct span text = raw.at ? raw_text(raw, c->arena) : SPAN_NONE;
    for (size_t i = 0; i < text.len && len < sizeof(name); i++) {
        bool fits = may_stand_in_name(text.at[i]);
        if (fits || (len && name[len - 1] != ' '))
            name[len++] = fits ? text.at[i] : ' ';
    }
    while (len && name[len - 1] == ' ')
        len--;
    int64_t number = ++c->documents;
    struct span said = len ? span_make(name, len) : SPAN("document");
    return number == 1 ? arena_copy(c->arena, said) : arena_print(c->arena, "%.*s %lld", SPAN_ARG(said), (long long)number);
}

static const char *cannot(const struct part *p, struct span format)
{
    const struct media *m = &p->media;
    if (m->file_id.at)
        return "a file of another vendor: send it inline";
    if (m->url.at && !is_s3(m->url))
        return "a URL: send it inline";
    bool text = p->kind == PART_DOCUMENT && m->plain_text.at;
    if (!m->data.at && !m->url.at && !text)
        return "has no content";
    return format.at || text ? NULL : "of a type that Bedrock does not take";
}

static void put_source(struct converse *c, const struct media *m)
{
    json_name(&c->o, SPAN("source"));
    json_open(&c->o, '{');
    if (m->plain_text.at) {
        json_pair_raw(&c->o, SPAN("text"), m->plain_text);
    } else if (m->data.at) {
        json_name(&c->o, SPAN("bytes"));
        buf_put_byte(c->o.buf, '"');
        buf_put(c->o.buf, m->data); /* as it came, escapes included */
        buf_put_byte(c->o.buf, '"');
        c->o.comma = true;
    } else {
        json_name(&c->o, SPAN("s3Location"));
        json_open(&c->o, '{');
        json_pair_raw(&c->o, SPAN("uri"), m->url);
        json_close(&c->o, '}');
    }
    json_close(&c->o, '}');
}

const char *converse_media_fault(const struct part *p) { return cannot(p, format_of(p)); }

void converse_put_media(struct converse *c, const struct part *p)
{
    struct span format = format_of(p);
    json_open(&c->o, '{');
    json_name(&c->o, member_of(p->kind));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("format"), format.at ? format : SPAN("txt"));
    if (p->kind == PART_DOCUMENT)
        json_pair(&c->o, SPAN("name"), document_name(c, p->media.name));
    put_source(c, &p->media);
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}
