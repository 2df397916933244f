// SPDX-License-Identifier: Apache-2.0
// One case against both gateways: what is sent to each, and what came of it, in words that can be compared.
//
// The configs are the same to the letter but for one thing: Portkey's leaves need `custom_host` to find the scripted vendors, which ours has
// in its configuration (and takes from no caller). Where a caller of Portkey's stands with the vendor's secret, ours stands with its key.
import http from "node:http";

const defaultBody = () => ({ model: "#MODEL#", messages: [{ role: "user", content: "Say hello. #MARK#" }] });
const nameOf = (provider) => provider.replace(/^@/, "");

/** Leaves as Portkey needs them: `custom_host` is where the scripted vendor is. */
function atHome(config, urls) {
  if (Array.isArray(config)) return config.map((each) => atHome(each, urls));
  if (typeof config !== "object" || config === null) return config;
  const copy = {};
  for (const [name, value] of Object.entries(config)) copy[name] = name === "targets" ? atHome(value, urls) : value;
  const url = config.provider && urls[nameOf(config.provider)];
  return url ? { custom_host: `${url}/v1`, ...copy } : copy;
}

/** Every leaf with a provider has a secret, as Portkey's users write it. */
function withSecrets(config) {
  if (typeof config !== "object" || config === null) return config;
  const targets = config.targets && { targets: config.targets.map(withSecrets) };
  return { ...config, ...(config.provider && !config.api_key ? { api_key: `sk-theirs-${nameOf(config.provider)}-000000000001` } : {}), ...targets };
}

export const sides = {
  theirs: {
    mark: (id) => `${id}t`,
    config: (config, urls) => atHome(withSecrets(config), urls),
    headers(headers, urls) {
      const name = headers["x-portkey-provider"] && nameOf(headers["x-portkey-provider"]);
      const host = name && urls[name] && { "x-portkey-custom-host": `${urls[name]}/v1` };
      return { authorization: "Bearer sk-theirs-000000000001", ...host, ...headers };
    },
  },
  ours: {
    mark: (id) => `${id}u`,
    config: (config) => withSecrets(config),
    headers: (headers, urls, key) => ({ "x-portkey-api-key": key, ...headers }),
  },
};

/* ---- one request ---- */

function send(url, { method = "POST", path, headers, body, leave }) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const got = { status: 0, headers: {}, text: "", whole: false };
    const done = () => resolve(Object.assign(got, { ms: performance.now() - begun }));
    const req = http.request(`${url}${path}`, { method, headers, agent: false }, (res) => {
      got.status = res.statusCode;
      got.headers = res.headers;
      res.setEncoding("utf8");
      res.on("data", (text) => (got.text += text));
      res.on("end", () => { got.whole = res.complete; });
      res.on("error", () => {});
      res.on("close", done);
    });
    req.on("error", done);
    req.setTimeout(15_000, () => req.destroy());
    if (leave) setTimeout(() => req.destroy(), leave);
    req.end(body);
  });
}

export function requestOf(side, one, { id, urls, key }) {
  const its = sides[side];
  const marked = (text) => text.replaceAll("#MARK#", `#c${its.mark(id)}#`).replaceAll("#MODEL#", `model-${id}`);
  const config = typeof one.config === "string" ? one.config : one.config && JSON.stringify(its.config(one.config, urls));
  const said = typeof one.headers === "function" ? one.headers({ urls, side }) : (one.headers ?? {});
  const headers = its.headers({ ...(config ? { "x-portkey-config": config } : {}), ...said }, urls, key);
  const body = one.body === undefined ? JSON.stringify(defaultBody()) : typeof one.body === "string" ? one.body : JSON.stringify({ ...defaultBody(), ...one.body });
  const text = marked(one.only ? JSON.stringify(one.only) : body);
  return { path: one.path ?? "/v1/chat/completions", headers: { "content-type": "application/json", connection: "keep-alive", ...headers, "content-length": Buffer.byteLength(text) }, body: text, leave: one.leave };
}

export async function ask(side, one, world) {
  const request = requestOf(side, one, world);
  const answers = [];
  if (one.again) await send(world.url, request);
  for (let left = one.times ?? 1; left > 0; left -= 10)
    answers.push(...(await Promise.all(Array.from({ length: Math.min(left, 10) }, () => send(world.url, request)))));
  if (one.settle) await new Promise((resolve) => setTimeout(resolve, one.settle));
  return { answer: answers[0], answers, heard: world.heard(sides[side].mark(world.id)), request };
}

/* ---- what came of it ---- */

function parsed(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}

function textOfEvents(text) {
  let said = "";
  for (const line of text.split("\n")) {
    const event = line.startsWith("data: ") ? parsed(line.slice(6)) : undefined;
    said += event?.choices?.[0]?.delta?.content ?? event?.delta?.text ?? "";
  }
  return said;
}

const endOfEvents = (text) => (/^data: \[DONE\]|^event: message_stop/m.test(text) ? "" : /^data: \{"error"|^event: error/m.test(text) ? ", then an error event" : ", then nothing");

/** "answer", "stream", "stream, then nothing", "failure" (Portkey's own envelope), "error" (OpenAI's), ... */
function kindOf({ status, headers, text, whole }) {
  if (!status) return "no answer";
  if ((headers["content-type"] ?? "").includes("event-stream")) return `stream${endOfEvents(text)}${whole ? "" : ", cut"}`;
  const body = parsed(text);
  if (body?.status === "failure") return "failure";
  if (body?.error) return "error";
  return status < 300 ? "answer" : "other";
}

function textOf({ headers, text }) {
  if ((headers["content-type"] ?? "").includes("event-stream")) return textOfEvents(text);
  const body = parsed(text);
  return body?.choices?.[0]?.message?.content ?? body?.content?.[0]?.text ?? body?.output?.[0]?.content?.[0]?.text ?? (body?.data ? `${body.data.length} embeddings` : "");
}

/** The vendors asked, in their order: "openai ×2, groq". */
function sentOf(heard) {
  const list = [];
  for (const { to } of heard) {
    const last = list.at(-1);
    if (last?.to === to) last.times++;
    else list.push({ to, times: 1 });
  }
  return list.map(({ to, times }) => (times > 1 ? `${to} ×${times}` : to)).join(", ") || "nobody";
}

export const fields = {
  status: "status", kind: "body", text: "text", sent: "asked", option: "last-used-option-index", retries: "retry-attempt-count", provider: "provider", cache: "cache-status", seen: "seen",
};

/** Only an answer of a vendor has all of the fields: refusals are compared by status and shape. */
export function viewOf(one, run) {
  const { answer, heard } = run;
  const portkey = (name) => answer.headers[`x-portkey-${name}`];
  const view = { status: answer.status, kind: kindOf(answer), sent: one.times ? undefined : sentOf(heard) };
  if (view.kind !== "failure" && view.kind !== "no answer")
    Object.assign(view, { text: textOf(answer), option: portkey("last-used-option-index"), retries: portkey("retry-attempt-count"), provider: portkey("provider"), cache: portkey("cache-status") });
  if (one.times) view.option = view.provider = view.text = undefined;
  if (one.see) view.seen = one.see({ ...run, body: parsed(answer.text), portkey });
  return Object.fromEntries(Object.entries(view).filter(([, value]) => value !== undefined && value !== ""));
}

/** Which fields are not the same: { status: [500, 400] }. */
export function differences(theirs, ours) {
  const found = {};
  for (const name of Object.keys(fields))
    if (JSON.stringify(theirs[name]) !== JSON.stringify(ours[name])) found[name] = [theirs[name] ?? null, ours[name] ?? null];
  return found;
}
