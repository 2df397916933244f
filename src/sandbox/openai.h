/* SPDX-License-Identifier: Apache-2.0
 * openai.h - what the sandbox's files for OpenAI share. */
#ifndef TG_SANDBOX_OPENAI_H
#define TG_SANDBOX_OPENAI_H

#include "sandbox/speech.h"

void openai_fail(struct play *p, int status, const char *code, const char *message);
/* Begins an event (name may be NULL); its JSON follows, then a blank line. */
void openai_event(struct play *p, const char *name);

void openai_responses(struct play *p);
void openai_embeddings(struct play *p);

#endif
