/* SPDX-License-Identifier: Apache-2.0
 * list.h - every dialect we speak. To add one: write dialect/NAME.c, then its row here. (Included more than once.) */
DIALECT(openai_chat)
DIALECT(openai_responses)
DIALECT(openai_embeddings)
DIALECT(anthropic_messages)
