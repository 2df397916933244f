/* SPDX-License-Identifier: Apache-2.0
 * json_read.cc - simdjson's two stages behind C functions: the only C++ of the project, and as little as possible.
 *
 * No exceptions, no RTTI; memory comes from nothrow new, so that running out is an answer. */
#include <memory>
#include <new>
#include <utility>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#endif
#include <simdjson.h>

extern "C" {
#include "base/json_tape.h" /* functions named as their structs, which C++ calls shadowing */
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace {

/* Room is never shrunk by simdjson; after a giant it is given back once texts are small again. */
constexpr size_t room_first = size_t(64) << 10, room_kept = size_t(4) << 20;

struct stages {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
    size_t room = 0;
};

size_t room_for(size_t len)
{
    size_t room = room_first;
    while (room < len)
        room *= 2;
    return room;
}

bool wants_other_room(size_t room, size_t len) { return room < len || (room > room_kept && len < room / 8); }

simdjson::error_code prepare(stages &s, size_t len)
{
    if (s.parser && !wants_other_room(s.room, len))
        return simdjson::SUCCESS;
    s.parser.reset();
    s.room = room_for(len);
    return simdjson::get_active_implementation()->create_dom_parser_implementation(s.room, JSON_DEPTH_MOST, s.parser);
}

struct reason {
    simdjson::error_code code;
    const char *text;
};

constexpr reason reasons[] = {
    { simdjson::TAPE_ERROR, "brackets, commas, colons or names are out of place" },
    { simdjson::DEPTH_ERROR, "nested too deep" },
    { simdjson::STRING_ERROR, "a string has a broken escape" },
    { simdjson::T_ATOM_ERROR, "a word is neither true, false nor null" },
    { simdjson::F_ATOM_ERROR, "a word is neither true, false nor null" },
    { simdjson::N_ATOM_ERROR, "a word is neither true, false nor null" },
    { simdjson::NUMBER_ERROR, "a number is malformed or too large" },
    { simdjson::UTF8_ERROR, "the text is not UTF-8" },
    { simdjson::EMPTY, "the text is empty" },
    { simdjson::UNESCAPED_CHARS, "a string has a raw control character" },
    { simdjson::UNCLOSED_STRING, "a string is not closed" },
};

enum err refuse(simdjson::error_code code, const char **why)
{
    if (code == simdjson::MEMALLOC || code == simdjson::CAPACITY) {
        *why = "out of memory";
        return E_NO_MEMORY;
    }
    *why = "the text is not JSON";
    for (const reason &r : reasons)
        if (r.code == code)
            *why = r.text;
    return E_BAD_REQUEST;
}

json_marks marks_of(const stages &s) { return { s.parser->structural_indexes.get(), s.parser->n_structural_indexes }; }

const uint8_t *bytes(span s) { return reinterpret_cast<const uint8_t *>(s.at); }

} // namespace

struct json_engine {
    stages parse, mark;
    simdjson::dom::document document;
    size_t document_room = 0;
};

extern "C" {

struct json_engine *json_engine_new(void) { return new (std::nothrow) json_engine; }

void json_engine_free(struct json_engine *e) { delete e; }

enum err json_engine_parse(struct json_engine *e, struct span text, struct json_tape *out, const char **why)
{
    simdjson::error_code failed = prepare(e->parse, text.len);
    if (!failed && wants_other_room(e->document_room, text.len)) {
        e->document_room = 0;
        failed = e->document.allocate(e->parse.room);
        if (!failed)
            e->document_room = e->parse.room;
    }
    if (!failed)
        failed = e->parse.parser->parse(bytes(text), text.len, e->document);
    if (failed)
        return refuse(failed, why);
    *out = { e->document.tape.get(), reinterpret_cast<const char *>(e->document.string_buf.get()), marks_of(e->parse) };
    return E_OK;
}

enum err json_engine_mark(struct json_engine *e, struct span text, struct json_marks *out, const char **why)
{
    simdjson::error_code failed = prepare(e->mark, text.len);
    if (!failed)
        failed = e->mark.parser->stage1(bytes(text), text.len, simdjson::stage1_mode::regular);
    if (failed)
        return refuse(failed, why);
    *out = marks_of(e->mark);
    return E_OK;
}
}
