/* SPDX-License-Identifier: Apache-2.0
 * genai.c - see genai.h. */
#include "export/genai.h"

struct word {
    struct span ours, theirs;
};
#define WORD(ours, theirs) { { ours, sizeof(ours) - 1 }, { theirs, sizeof(theirs) - 1 } }

struct span genai_provider(struct span vendor)
{
    static const struct word words[] = { WORD("bedrock", "aws.bedrock"), WORD("azure", "azure.ai.openai"), WORD("gemini", "gcp.gemini"), WORD("vertex", "gcp.vertex_ai"),
        WORD("mistral", "mistral_ai"), WORD("xai", "x_ai"), WORD("watsonx", "ibm.watsonx.ai") };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (span_is(vendor, words[i].ours))
            return words[i].theirs;
    return vendor;
}

struct span genai_operation(struct span operation)
{
    static const struct word words[] = { WORD(".chat.completions", "chat"), WORD(".completions", "text_completion"), WORD(".embeddings", "embeddings"),
        WORD(".images", "generate_content"), WORD(".audio", "generate_content"), WORD(".videos", "generate_content"), WORD("generate_content", "generate_content"),
        WORD("generateContent", "generate_content") };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (span_find(operation, words[i].ours) >= 0)
            return words[i].theirs;
    return SPAN("chat");
}
