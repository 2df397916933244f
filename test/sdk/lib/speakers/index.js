// SPDX-License-Identifier: Apache-2.0
// The vendors of the matrix: one scripted server for each, and a gate in front of all of them. Calls run side by side: the words "#m7#" in a
// question say which play it belongs to.
import { createPublicKey, createVerify, generateKeyPairSync } from "node:crypto";

import { startGate } from "../gate.js";
import { sleep } from "../process.js";
import { answerJson, startScripted } from "../recorder.js";
import { flavoured } from "./chat.js";
import * as cohere from "./cohere.js";
import * as converse from "./converse.js";
import * as gemini from "./gemini.js";
import { anthropic, bedrock as invoke, vertex as rawPredict } from "./messages.js";
import * as ollama from "./ollama.js";
import * as responses from "./responses.js";
import { Refused, need } from "./words.js";

const secret = (vendor) => `upstream-secret-of-${vendor}-0001`;
const bearer = (vendor) => (call) => need(call.headers.authorization === `Bearer ${secret(vendor)}`, `the key of ${vendor} is wrong: ${call.headers.authorization}`);
const inHeader = (field, vendor) => (call) => need(call.headers[field] === secret(vendor), `${field} is wrong: ${call.headers[field]}`);

/** SigV4, for the right service and with all that must be signed. */
function signed(call) {
  const field = call.headers.authorization ?? "";
  need(/^AWS4-HMAC-SHA256 Credential=AKIAMATRIX\/\d{8}\/eu-west-1\/bedrock\/aws4_request, ?SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*x-amz-date[a-z0-9;-]*, ?Signature=[0-9a-f]{64}$/.test(field), `the signature is wrong: ${field}`);
  need(/^\d{8}T\d{6}Z$/.test(call.headers["x-amz-date"]), "x-amz-date");
}

/* ---- Google's tokens ---- */

const pair = generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
const keyFile = JSON.stringify({ type: "service_account", project_id: "p-1", private_key_id: "k1", private_key: pair.privateKey, client_email: "gate@p-1.iam.gserviceaccount.com", token_uri: "https://oauth2.googleapis.com/token" });

function token(call, res) {
  const form = new URLSearchParams(call.text);
  const [head, claims, signature] = (form.get("assertion") ?? "").split(".");
  const good = form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer" && createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(createPublicKey(pair.publicKey), signature ?? "", "base64url");
  const said = good ? JSON.parse(Buffer.from(claims, "base64url")) : {};
  if (said.iss !== "gate@p-1.iam.gserviceaccount.com") return answerJson(res, 400, { error: "invalid_grant" });
  return answerJson(res, 200, { access_token: secret("vertex"), expires_in: 3599, token_type: "Bearer" });
}

/* ---- the vendors ---- each: the path that a call comes to says which dialect is spoken there */

const vertexPath = "/v1/projects/p-1/locations/global/publishers";
const vendors = {
  openai: { guard: bearer("openai"), paths: [[/^\/v1\/chat\/completions$/, flavoured("openai")], [/^\/v1\/responses$/, responses]] },
  anthropic: { guard: inHeader("x-api-key", "anthropic"), paths: [[/^\/v1\/messages$/, anthropic]] },
  gemini: { guard: inHeader("x-goog-api-key", "gemini"), paths: [[/^\/v1beta\/models\/[^/]*:(generateContent|streamGenerateContent\?alt=sse)$/, gemini]] },
  azure: {
    guard: inHeader("api-key", "azure"), config: { settings: { resource: "res" }, models: { "prod-chat": "gpt-5.1" } }, base: "/openai",
    paths: [[/^\/openai\/deployments\/prod-chat\/chat\/completions\?api-version=2024-10-21$/, flavoured("azure")], [/^\/openai\/v1\/responses/, responses]],
  },
  bedrock: {
    guard: signed, config: { settings: { region: "eu-west-1" } }, credential: { key_id: "AKIAMATRIX" },
    paths: [[/^\/model\/[^/]*\/converse(-stream)?$/, converse], [/^\/model\/[^/]*\/invoke(-with-response-stream)?$/, invoke]],
  },
  vertex: {
    guard: bearer("vertex"), config: { settings: { project: "p-1" } }, credential: { secret: keyFile },
    paths: [[new RegExp(`^${vertexPath}/google/models/[^/]*:(generateContent|streamGenerateContent\\?alt=sse)$`), gemini], [new RegExp(`^${vertexPath}/anthropic/models/[^/]*:(rawPredict|streamRawPredict)$`), rawPredict]],
  },
  cohere: { guard: bearer("cohere"), paths: [[/^\/v2\/chat$/, cohere]] },
  mistral: { guard: bearer("mistral"), paths: [[/^\/v1\/chat\/completions$/, flavoured("mistral")]] },
  ollama: {
    guard: (call) => need(call.headers.authorization === undefined, "Ollama is given no key"),
    credential: { secret: undefined }, paths: [[/^\/api\/chat$/, ollama], [/^\/v1\/chat\/completions$/, flavoured("ollama")]],
  },
};

const status = { rate: 429, key: 401, server: 500, request: 400, missing: 404 };

async function play(call, res, spoken, plays) {
  const mine = plays.get(/#m(\d+)#/.exec(call.text)?.[1]);
  if (!mine) return answerJson(res, 500, { error: { message: "a call that belongs to no play", type: "server_error" } });
  call.spoken = spoken;
  mine.calls.push(call);
  const script = mine.scripts[Math.min(mine.calls.length, mine.scripts.length) - 1];
  let heard;
  try {
    call.guard(call);
    heard = call.heard = spoken.hear(call);
  } catch (error) {
    call.refused = error.message;
    if (!(error instanceof Refused)) call.refused = error.stack;
    return answerJson(res, 400, spoken.fault({ kind: "request", message: `refused by the vendor: ${call.refused}` }), spoken.faultFields?.({ kind: "request" }));
  }
  if (script.error) return answerJson(res, status[script.error.kind], spoken.fault(script.error), { ...(script.error.kind === "rate" ? { "retry-after": "7" } : {}), ...spoken.faultFields?.(script.error) });
  if (!heard.stream) return answerJson(res, 200, spoken.whole(script, heard));
  res.writeHead(200, { "content-type": spoken.streamType });
  const pieces = spoken.stream(script, heard);
  for (const [i, piece] of pieces.entries()) {
    if (script.cut && i === Math.min(4, pieces.length - 2)) return void setTimeout(() => res.destroy(), 30);
    if (call.closed) return undefined;
    res.write(piece);
    call.sent = i + 1;
    if (script.pause) await sleep(script.pause);
  }
  return res.end();
}

/** { gate, play(scripts) -> { id, calls }, drop(id) }. `key` is the gate's key that holds a credential of each vendor. */
export async function startMarket(key) {
  const plays = new Map(), built = { vendors: {}, credentials: {}, prices: { "ollama/llama3.1": { in: "0.1", out: "0.3" } } };
  for (const [name, vendor] of Object.entries(vendors)) {
    const server = await startScripted((call, res) => {
      if (name === "vertex" && call.url === "/token") return token(call, res);
      const spoken = vendor.paths.find(([path]) => path.test(call.url))?.[1];
      call.guard = vendor.guard;
      call.vendor = name;
      return spoken ? play(call, res, spoken, plays) : answerJson(res, 404, { error: { message: `nothing is at ${call.url}` } });
    });
    built.vendors[name] = { base_url: server.url + (vendor.base ?? ""), ...vendor.config };
    built.credentials[name] = { vendor: name, secret: secret(name), ...vendor.credential };
  }
  const gate = await startGate({ ...built, policies: { all: { allow: ["*"] } }, keys: [{ name: "matrix", token: key, policy: "all", credentials: Object.keys(vendors) }] });
  let count = 0;
  return {
    gate,
    play(...scripts) {
      const id = `${++count}`, mine = { id, scripts, calls: [] };
      plays.set(id, mine);
      return mine;
    },
  };
}
