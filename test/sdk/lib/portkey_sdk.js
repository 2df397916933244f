// SPDX-License-Identifier: Apache-2.0
// The same cases through Portkey's own SDK, as it is.
import { Portkey } from "portkey-ai";

import { fields, sides, viewOf } from "./portkey_sides.js";

/** What the SDK makes of it: in the words of portkey_sides.js, and the class of an exception. */
export async function askBySdk(side, one, world) {
  const its = sides[side];
  const mark = `#c${its.mark(world.id)}#`;
  const model = `model-${world.id}`;
  const headers = typeof one.headers === "function" ? one.headers({ urls: world.urls, side }) : (one.headers ?? {});
  const provider = headers["x-portkey-provider"];
  const client = new Portkey({
    apiKey: world.key, baseURL: `${world.url}/v1`,
    ...(one.config ? { config: its.config(one.config, world.urls) } : {}),
    ...(provider ? { provider } : {}),
    ...(side === "theirs" ? { Authorization: "Bearer sk-theirs-000000000001" } : {}),
    ...(side === "theirs" && provider ? { customHost: `${world.urls[provider]}/v1` } : {}),
    ...one.option,
  });
  const seen = { answer: { status: 200, headers: {}, text: "", whole: true, ms: 0 }, heard: [] };
  try {
    await take(client, one, model, mark, seen);
  } catch (error) {
    if (error.status === undefined) throw error;
    seen.thrown = error.constructor.name;
    seen.answer = { status: error.status, headers: plain(error.headers), text: JSON.stringify(error.error?.error ? error.error : { error: error.error }), whole: true, ms: 0 };
    if (error.error?.status === "failure") seen.answer.text = JSON.stringify(error.error);
  }
  seen.heard = world.heard(its.mark(world.id));
  const view = viewOf({ ...one, see: undefined }, seen);
  return Object.fromEntries(Object.entries({ ...view, thrown: seen.thrown }).filter(([name, value]) => value !== undefined && (name in fields || name === "thrown")));
}

const plain = (headers) => (headers instanceof Headers ? Object.fromEntries(headers) : { ...headers });
const named = (headers) => Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [`x-portkey-${name}`, value]));

async function take(client, one, model, mark, seen) {
  if (one.sdk === "embeddings") {
    const got = await client.embeddings.create({ model, input: mark }, undefined, { maxRetries: 0 });
    seen.answer.headers = named(got.getHeaders?.());
    seen.answer.text = JSON.stringify({ data: got.data });
    return;
  }
  const body = { model, messages: [{ role: "user", content: `Say hello. ${mark}` }], ...one.body };
  const got = await client.chat.completions.create(body, undefined, { maxRetries: 0 });
  if (!body.stream) {
    seen.answer.headers = named(got.getHeaders?.());
    seen.answer.text = JSON.stringify({ choices: got.choices });
    return;
  }
  let text = "";
  for await (const chunk of got) text += chunk.choices?.[0]?.delta?.content ?? "";
  seen.answer.text = JSON.stringify({ choices: [{ message: { content: text } }] });
}
