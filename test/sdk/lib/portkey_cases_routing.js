// SPDX-License-Identifier: Apache-2.0
// Portkey's config: strategies, conditions, parameters. What a case is: portkey_cases.js.
import { onlyOurs, onlyTheirs } from "./portkey_unlike.js";

const two = (...targets) => (targets.length ? targets : [{ provider: "openai" }, { provider: "groq" }]);
const fallback = (more = {}, ...targets) => ({ strategy: { mode: "fallback", ...more }, targets: two(...targets) });
const balance = (...targets) => ({ strategy: { mode: "loadbalance" }, targets });
const down = (status = 500, more = {}) => [{ status, ...more }];
const sentBody = (wanted) => ({ heard }) => heard.map(({ body }) => Object.fromEntries(wanted.map((name) => [name, body[name] ?? null])));

const conditional = (query, more = {}) => ({
  strategy: { mode: "conditional", conditions: [{ query, then: "second" }], default: "first", ...more },
  targets: [{ name: "first", provider: "openai" }, { name: "second", provider: "groq" }],
});
const meta = (value) => ({ "x-portkey-metadata": JSON.stringify(value) });

const operators = [
  ["a value", { "metadata.plan": "paid" }, { plan: "paid" }],
  ["`$eq`", { "metadata.plan": { $eq: "paid" } }, { plan: "paid" }],
  ["`$eq` that does not hold", { "metadata.plan": { $eq: "paid" } }, { plan: "free" }],
  ["`$ne`", { "metadata.plan": { $ne: "paid" } }, { plan: "free" }],
  ["`$gt`", { "metadata.age": { $gt: 18 } }, { age: "19" }],
  ["`$gt` of an equal one", { "metadata.age": { $gt: 18 } }, { age: "18" }],
  ["`$gte`", { "metadata.age": { $gte: 18 } }, { age: "18" }],
  ["`$lt`", { "metadata.age": { $lt: 18 } }, { age: "17.5" }],
  ["`$lte`", { "metadata.age": { $lte: 18 } }, { age: "18" }],
  ["`$in`", { "metadata.plan": { $in: ["paid", "team"] } }, { plan: "team" }],
  ["`$nin`", { "metadata.plan": { $nin: ["paid", "team"] } }, { plan: "free" }],
  ["`$regex`", { "metadata.plan": { $regex: "^te" } }, { plan: "team" }],
  ["`$regex` in the middle", { "metadata.plan": { $regex: "ea" } }, { plan: "team" }],
  ["`$regex` minds capitals", { "metadata.plan": { $regex: "^TE" } }, { plan: "team" }],
  ["`$and`", { $and: [{ "metadata.plan": { $eq: "paid" } }, { "metadata.age": { $gte: 18 } }] }, { plan: "paid", age: "30" }],
  ["`$and` with one that does not hold", { $and: [{ "metadata.plan": { $eq: "paid" } }, { "metadata.age": { $gte: 18 } }] }, { plan: "paid", age: "3" }],
  ["`$or`", { $or: [{ "metadata.plan": { $eq: "paid" } }, { "metadata.age": { $gte: 18 } }] }, { plan: "free", age: "30" }],
  ["`$or` inside `$and`", { $and: [{ "metadata.age": { $gte: 18 } }, { $or: [{ "metadata.plan": "paid" }, { "metadata.plan": "team" }] }] }, { plan: "team", age: "30" }],
  ["two fields", { "metadata.plan": { $eq: "paid" }, "metadata.age": { $gte: 18 } }, { plan: "paid", age: "30" }],
  ["a field that is absent", { "metadata.plan": { $eq: "paid" } }, {}],
  ["an absent field and `$ne`", { "metadata.plan": { $ne: "paid" } }, {}],
].map(([name, query, metadata]) => ({ feature: "conditional", name: `metadata: ${name}`, config: conditional(query), headers: meta(metadata) }));

export const routing = [
  { feature: "single", name: "a provider and a key", config: { provider: "openai" }, sdk: true },
  { feature: "single", name: "`mode: single`, one target", config: { strategy: { mode: "single" }, targets: [{ provider: "groq" }] } },
  {
    feature: "single", name: "`mode: single`, two targets", config: { strategy: { mode: "single" }, targets: two() },
    differs: onlyTheirs(400, "openai", { option: "config.targets[0]" }),
    why: "a target that could never be asked is a mistake, and said to be one",
  },

  { feature: "fallback", name: "the first answers", config: fallback(), sdk: true },
  { feature: "fallback", name: "the first fails", config: fallback(), upstream: { openai: down() }, sdk: true },
  { feature: "fallback", name: "429 leads on", config: fallback(), upstream: { openai: down(429) } },
  { feature: "fallback", name: "400 leads on, too", config: fallback(), upstream: { openai: down(400) } },
  { feature: "fallback", name: "all fail: the last one's answer", config: fallback(), upstream: { openai: down(500), groq: down(503) }, sdk: true, bySdk: { sent: ["openai, groq, openai, groq", "openai, groq"] } },
  { feature: "fallback", name: "three targets, two fail", config: fallback({}, { provider: "openai" }, { provider: "groq" }, { provider: "deepinfra" }), upstream: { openai: down(), groq: down(502) } },
  { feature: "fallback", name: "`on_status_codes` names it", config: fallback({ on_status_codes: [429] }), upstream: { openai: down(429) }, sdk: true },
  { feature: "fallback", name: "`on_status_codes` does not name it", config: fallback({ on_status_codes: [429] }), upstream: { openai: down(500) } },
  { feature: "fallback", name: "the connection breaks", config: fallback(), upstream: { openai: [{ refuse: true }] } },
  { feature: "fallback", name: "a fallback in a fallback", config: { strategy: { mode: "fallback" }, targets: [{ strategy: { mode: "fallback" }, targets: two() }, { provider: "deepinfra" }] }, upstream: { openai: down(), groq: down() } },
  { feature: "fallback", name: "the inner fallback's second answers", config: { strategy: { mode: "fallback" }, targets: [{ strategy: { mode: "fallback" }, targets: two() }, { provider: "deepinfra" }] }, upstream: { openai: down() } },
  { feature: "fallback", name: "to another dialect", config: fallback({}, { provider: "openai" }, { provider: "anthropic", override_params: { model: "claude-haiku-4-5", max_tokens: 64 } }), upstream: { openai: down() }, see: ({ heard }) => heard.map(({ to, model, path }) => [to, model.startsWith("model-") ? "asked" : model, path.split("/").at(-1)]) },
  {
    feature: "fallback", name: "the first target cannot serve this path", config: fallback({}, { provider: "anthropic" }, { provider: "openai" }), path: "/v1/embeddings", only: { model: "#MODEL#", input: "#MARK#" },
    differs: onlyOurs(500, "openai", { option: "config.targets[1]", text: "1 embeddings" }), why: "theirs takes an unfit target for an exception, which ends the whole chain; here it is skipped",
  },

  { feature: "loadbalance", name: "weights 0.75 and 0.25", config: balance({ provider: "openai", weight: 0.75 }, { provider: "groq", weight: 0.25 }), times: 120, see: ({ heard }) => { const n = heard.filter(({ to }) => to === "openai").length; return n >= 72 && n <= 106 && heard.length === 120 ? "as weighed" : `${n} of ${heard.length}`; } },
  { feature: "loadbalance", name: "no weights: equal shares", config: balance({ provider: "openai" }, { provider: "groq" }), times: 80, see: ({ heard }) => { const n = heard.filter(({ to }) => to === "openai").length; return n >= 22 && n <= 58 && heard.length === 80 ? "as weighed" : `${n} of ${heard.length}`; } },
  { feature: "loadbalance", name: "a weight of 0 is never drawn", config: balance({ provider: "openai", weight: 0 }, { provider: "groq", weight: 1 }), times: 20, see: ({ heard }) => [...new Set(heard.map(({ to }) => to))] },
  {
    feature: "loadbalance", name: "all weights 0", config: balance({ provider: "openai", weight: 0 }, { provider: "groq", weight: 0 }),
    differs: { status: [500, 400] }, why: "a mistake of whoever wrote it, and said to be one; theirs crashes",
  },
  { feature: "loadbalance", name: "a negative weight", config: balance({ provider: "openai", weight: -1 }, { provider: "groq", weight: 1 }), differs: { status: [500, 400] }, why: "a mistake of whoever wrote it, and said to be one; theirs crashes" },
  { feature: "loadbalance", name: "the one drawn fails: no other is asked", config: balance({ provider: "openai", weight: 1 }, { provider: "groq", weight: 0 }), upstream: { openai: down() } },
  { feature: "loadbalance", name: "inside of a fallback", config: { strategy: { mode: "fallback" }, targets: [balance({ provider: "openai", weight: 1 }, { provider: "groq", weight: 0 }), { provider: "deepinfra" }] }, upstream: { openai: down() } },

  ...operators,
  { feature: "conditional", name: "params.model", config: conditional({ "params.model": { $regex: "^model-" } }), sdk: true },
  { feature: "conditional", name: "params.temperature", config: conditional({ "params.temperature": { $lt: 0.5 } }), body: { temperature: 0.2 } },
  { feature: "conditional", name: "url.pathname", config: conditional({ "url.pathname": { $eq: "/v1/chat/completions" } }) },
  { feature: "conditional", name: "nothing holds: `default`", config: conditional({ "metadata.plan": "paid" }), headers: meta({ plan: "free" }) },
  {
    feature: "conditional", name: "nothing holds, no `default`", config: conditional({ "metadata.plan": "paid" }, { default: undefined }), headers: meta({ plan: "free" }),
    see: ({ body }) => /did not resolve|no condition|nothing holds|none of/i.test(body?.message ?? "") ? "said why" : "not said why",
  },
  { feature: "conditional", name: "the first condition that holds", config: conditional({}, { conditions: [{ query: { "metadata.a": "x" }, then: "first" }, { query: { "metadata.b": "y" }, then: "second" }] }), headers: meta({ a: "x", b: "y" }) },
  { feature: "conditional", name: "an unknown operator", config: conditional({ "metadata.plan": { $like: "x" } }), headers: meta({ plan: "x" }), see: ({ body }) => /Unsupported operator used in the query router/.test(body?.message ?? "") ? "said why" : "not said why" },
  {
    feature: "conditional", name: "members beside `$or`", config: conditional({ $or: [{ "metadata.plan": "paid" }, { "metadata.plan": "team" }], "metadata.age": { $gte: 18 } }), headers: meta({ plan: "paid", age: "3" }),
    differs: { sent: ["groq", "openai"], text: ["Hello from groq", "Hello from openai"], option: ["config.targets[1]", "config.targets[0]"], provider: ["groq", "openai"] },
    why: "Portkey's stops reading at `$or`, `$and` and `$regex`: what stands beside them is ignored; here all must hold",
  },
  { feature: "conditional", name: "`then` names no target", config: conditional({ "metadata.plan": "paid" }, { conditions: [{ query: { "metadata.plan": "paid" }, then: "third" }] }), headers: meta({ plan: "paid" }) },
  { feature: "conditional", name: "to a fallback", config: { strategy: { mode: "conditional", conditions: [{ query: { "metadata.plan": "paid" }, then: "best" }], default: "cheap" }, targets: [{ name: "cheap", provider: "deepinfra" }, { name: "best", ...fallback() }] }, headers: meta({ plan: "paid" }), upstream: { openai: down() } },

  { feature: "override_params", name: "goes before the caller's", config: { provider: "openai", override_params: { temperature: 0.1, max_tokens: 7 } }, body: { temperature: 1 }, see: sentBody(["temperature", "max_tokens"]), sdk: true },
  { feature: "override_params", name: "the model", config: { provider: "openai", override_params: { model: "gpt-4.1" } }, see: ({ heard }) => heard.map(({ model }) => model) },
  { feature: "override_params", name: "inherited, the child's goes before", config: { strategy: { mode: "fallback" }, override_params: { temperature: 0.3, top_p: 0.4 }, targets: [{ provider: "openai", override_params: { temperature: 0.2 } }, { provider: "groq" }] }, upstream: { openai: down() }, see: sentBody(["temperature", "top_p"]) },
  { feature: "override_params", name: "each target its model", config: fallback({}, { provider: "openai", override_params: { model: "gpt-4.1" } }, { provider: "groq", override_params: { model: "llama-3.3-70b-versatile" } }), upstream: { openai: down() }, see: ({ heard }) => heard.map(({ to, model }) => [to, model]) },
  {
    feature: "default_params", name: "only what the caller left out", config: { provider: "openai", default_params: { temperature: 0.1, max_tokens: 7 } }, body: { temperature: 1 }, see: sentBody(["temperature", "max_tokens"]),
    differs: { seen: [[{ temperature: 1, max_tokens: null }], [{ temperature: 1, max_tokens: 7 }]] }, why: "Portkey has it in its hosted edition alone; its npm package ignores it",
  },
  {
    feature: "drop_params", name: "taken out of the body", config: { provider: "openai", drop_params: ["seed"] }, body: { seed: 4 }, see: sentBody(["seed"]),
    differs: { seen: [[{ seed: 4 }], [{ seed: null }]] }, why: "Portkey has it in its hosted edition alone; its npm package ignores it",
  },
  { feature: "custom names", name: "camelCase on the wire", config: { strategy: { mode: "fallback", onStatusCodes: [500] }, targets: [{ provider: "openai", overrideParams: { temperature: 0.5 } }, { provider: "groq" }] }, upstream: { openai: down() }, see: sentBody(["temperature"]) },
];
