/* SPDX-License-Identifier: Apache-2.0
 * genai.h - what OpenTelemetry's conventions for generative models call a vendor and an operation. Inside export/ only. */
#ifndef TG_EXPORT_GENAI_H
#define TG_EXPORT_GENAI_H

#include "base/span.h"

struct span genai_provider(struct span vendor);      /* "bedrock" is "aws.bedrock"; one that they do not name is itself */
struct span genai_operation(struct span operation);  /* "openai.chat.completions" is "chat" */

#endif
