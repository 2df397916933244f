// SPDX-License-Identifier: Apache-2.0
// The cells of the matrix that cannot be, each with its reason, and what is asserted of them: `refusal`: the gate refuses the call by name, and
// forwards nothing; `vendor`: a call in the vendor's own words is passed on as it is, and the vendor's own refusal comes back; `lost`: all else
// of the feature works. With none of them it is the SDK that has no words for it.
const bedrock = ["Bedrock Claude", "Bedrock Nova"];
const clouds = ["Bedrock Claude", "Vertex Claude"];
const inline = (who) => `${who} takes files inline only; the gate fetches nothing on a caller's word.`;
const asItIs = (who) => `${who} does not take this; what is already in its own words is passed on as it is, and its refusal comes back.`;

const rules = [
  { feature: ["imageUrl", "documentUrl"], caller: ["@ai-sdk/google", "@ai-sdk/openai-compatible"], text: "This SDK fetches the file itself and sends it inline." },
  { feature: ["documentUrl"], dialect: ["chat"], text: "OpenAI's chat completions have no word for a file by address." },
  { feature: ["imageUrl", "documentUrl"], at: clouds, dialect: ["messages"], vendor: /URL sources are not supported/, text: asItIs("Claude at a cloud") },
  { feature: ["imageUrl", "documentUrl"], at: bedrock, refusal: /cannot be told.*URL/, text: inline("Bedrock") },
  { feature: ["imageUrl", "documentUrl"], at: ["Vertex Claude"], refusal: /cannot be told.*URL/, text: inline("Claude on Vertex") },
  { feature: ["documentUrl"], at: ["OpenAI chat", "Azure"], dialect: ["messages", "gemini"], refusal: /cannot be told.*URL/, text: "OpenAI's chat completions take files inline only." },
  { feature: ["documentUrl"], at: ["Mistral"], refusal: /cannot be told.*URL/, text: "The gate sends Mistral files inline only." },
  { feature: ["document"], at: ["Ollama"], dialect: ["chat"], vendor: /no files/, text: asItIs("Ollama") },
  { feature: ["imageUrl"], at: ["Ollama"], dialect: ["chat"], vendor: /invalid image input/, text: asItIs("Ollama") },
  { feature: ["imageUrl"], at: ["Ollama"], refusal: /cannot be told.*inline/, text: "Ollama takes images inline only." },
  { feature: ["document", "documentUrl"], at: ["Cohere"], refusal: /cannot be told.*neither text nor a picture/, text: "Cohere's chat takes no files." },
  { feature: ["document", "documentUrl"], at: ["Ollama"], refusal: /cannot be told.*neither text nor a picture/, text: "Ollama takes no files." },
  { feature: ["thinking", "thoughtBack"], at: ["Bedrock Nova"], refusal: /cannot be told.*reasoning_effort/, text: "This model cannot be told to think." },
  { feature: ["thinking"], caller: ["@ai-sdk/openai: chat"], shows: true, lost: true, text: "This SDK shows no thoughts of chat completions (`@ai-sdk/openai-compatible` does)." },
  { feature: ["thoughtBack"], caller: ["@ai-sdk/openai: chat", "@ai-sdk/openai-compatible"], signs: true, lost: true, text: "This SDK does not send signatures of chat completions back; the conversation goes on without the old thoughts." },
  { feature: ["thoughtBack"], caller: ["@ai-sdk/google"], at: ["OpenAI responses", "Anthropic", "Bedrock Claude", "Vertex Claude"], lost: true, text: "Streaming, this SDK loses a signature that comes behind its thought; the conversation goes on without the old thoughts." },
  { feature: ["held"], at: ["Cohere", "Mistral", "Ollama"], text: "This vendor has no word for it." },
  { feature: ["limit"], at: ["OpenAI chat", "Azure"], caller: ["@ai-sdk/openai-compatible"], vendor: /max_tokens is not supported/, text: "This SDK says `max_tokens`, which OpenAI's reasoning models refuse; what is already in OpenAI's words is passed on as it is." },
];

/** The reason why this caller cannot have this feature of this vendor; null: it can. */
export function impossible(caller, dialect, at, target, feature) {
  const rule = rules.find((r) => r.feature.includes(feature) && (!r.at || r.at.includes(at)) && (!r.caller || r.caller.includes(caller)) && (!r.dialect || r.dialect.includes(dialect)) && (!r.shows || target.shows) && (!r.signs || target.signs || target.signsCalls));
  return rule ?? null;
}
