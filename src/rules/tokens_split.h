/* SPDX-License-Identifier: Apache-2.0
 * tokens_split.h - cuts a text into the pieces that tokens do not cross. Private to rules/tokens*.c. */
#ifndef TG_RULES_TOKENS_SPLIT_H
#define TG_RULES_TOKENS_SPLIT_H

#include "rules/tokens.h"

/* What the patterns of both vocabularies tell apart, by Unicode's general category. Numbers as in catalog/characters.classes. */
enum character_class {
    CLASS_OTHER,
    CLASS_LINE,  /* CR, LF */
    CLASS_BLANK, /* other white space */
    CLASS_UPPER, /* Lu, Lt */
    CLASS_LOWER, /* Ll */
    CLASS_BOTH,  /* Lm, Lo: letters without case */
    CLASS_MARK,  /* M */
    CLASS_DIGIT  /* N */
};

/* Length of the piece at the start of a well-formed, non-empty text. */
size_t tokens_split_cl100k(struct span text);
size_t tokens_split_o200k(struct span text);

#endif
