/* SPDX-License-Identifier: Apache-2.0
 * tokens_class.h - the class of a character. Private to rules/tokens*.c. */
#ifndef TG_RULES_TOKENS_CLASS_H
#define TG_RULES_TOKENS_CLASS_H

#include "rules/tokens_split.h"

enum { CLASS_PLANES = 0x20000 /* below, the table has a byte for each character; above there are few runs */ };

/* Of the characters below CLASS_PLANES; NULL: no memory for it. */
const uint8_t *class_table(void);
enum character_class class_beyond(uint32_t character);

#endif
