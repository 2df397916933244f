// SPDX-License-Identifier: Apache-2.0
// Portkey's config: retries and times. What a case is: portkey_cases.js.
import { onlyTheirs } from "./portkey_unlike.js";

const retrying = (retry, more = {}) => ({ provider: "openai", retry, ...more });
const fails = (times, status = 500, more = {}) => [...Array.from({ length: times }, () => ({ status, ...more })), {}];
const gaps = (heard) => heard.slice(1).map(({ at }, i) => at - heard[i].at);
const obeyed = (ms, most = ms + 1500) => ({ heard }) => (heard.length < 2 ? "no second try" : gaps(heard)[0] > ms - 50 && gaps(heard)[0] < most ? "as told" : "not as told");
const crash = "the option is read in their npm package, but a TypeError takes its effect (their fix is a patch that npm users never get)";
const httpDate = (seconds) => new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000).toUTCString();

const defaults = [429, 500, 502, 503, 504].map((status) => ({ feature: "retry", name: `${status}, once`, config: retrying({ attempts: 1 }), upstream: { openai: fails(1, status) } }));

export const retries = [
  { feature: "retry", name: "no `retry`: one try", config: { provider: "openai" }, upstream: { openai: fails(1) } },
  ...defaults,
  {
    feature: "retry", name: "529, once", config: retrying({ attempts: 1 }), upstream: { openai: fails(1, 529) },
    differs: { status: [529, 200], kind: ["error", "answer"], sent: ["openai", "openai ×2"], text: [null, "Hello from openai"], retries: ["0", "1"] }, why: "529 (overloaded) is in the documented list, but not in that of their npm package",
  },
  { feature: "retry", name: "400 is not retried", config: retrying({ attempts: 2 }), upstream: { openai: fails(1, 400) } },
  { feature: "retry", name: "success at the third try", config: retrying({ attempts: 3 }), upstream: { openai: fails(2) }, sdk: true },
  { feature: "retry", name: "tries used up", config: retrying({ attempts: 1 }), upstream: { openai: fails(5) }, sdk: true, bySdk: { sent: ["openai ×4", "openai ×2"] } },
  { feature: "retry", name: "`on_status_codes` in place of the list", config: retrying({ attempts: 1, on_status_codes: [418] }), upstream: { openai: fails(1, 418) } },
  { feature: "retry", name: "`on_status_codes` without 500", config: retrying({ attempts: 1, on_status_codes: [418] }), upstream: { openai: fails(1, 500) } },
  { feature: "retry", name: "the connection breaks once", config: retrying({ attempts: 1 }), upstream: { openai: [{ refuse: true }, {}] } },
  { feature: "retry", name: "inherited from the root", config: { retry: { attempts: 1 }, strategy: { mode: "fallback" }, targets: [{ provider: "openai" }, { provider: "groq" }] }, upstream: { openai: fails(5) } },
  { feature: "retry", name: "a target's own goes before", config: { retry: { attempts: 2 }, strategy: { mode: "fallback" }, targets: [{ provider: "openai", retry: { attempts: 0 } }, { provider: "groq" }] }, upstream: { openai: fails(5) } },
  { feature: "retry", name: "more than 5 attempts", config: retrying({ attempts: 6 }), upstream: { openai: fails(1) }, differs: onlyTheirs(400, "openai", { retries: "1", sent: "openai ×2" }), why: "5 is the most by their documents; their code takes any number" },
  {
    feature: "retry", name: "the pause between tries", config: retrying({ attempts: 1 }), upstream: { openai: fails(1) }, see: ({ heard }) => (gaps(heard)[0] > 900 ? "1 s" : "under 1 s"),
    differs: { seen: ["1 s", "under 1 s"] }, why: "theirs: 1, 2, 4, 8, 16 s, everybody alike; here: anything up to 0.5, 1, 2, ... s, so that those that failed together do not come together",
  },

  {
    feature: "retry-after", name: "`use_retry_after_header`, seconds", config: retrying({ attempts: 1, use_retry_after_header: true }), upstream: { openai: fails(1, 429, { headers: { "retry-after": "2" } }) }, see: obeyed(2000),
    differs: { seen: ["not as told", "as told"] }, why: crash,
  },
  {
    feature: "retry-after", name: "`use_retry_after_headers`, seconds", config: retrying({ attempts: 1, use_retry_after_headers: true }), upstream: { openai: fails(1, 429, { headers: { "retry-after": "2" } }) },
    see: obeyed(2000),
    differs: { seen: ["not as told", "as told"] }, why: "the spelling of their documents; their code reads the other one alone",
  },
  {
    feature: "retry-after", name: "`retry-after-ms`", config: retrying({ attempts: 1, use_retry_after_header: true }), upstream: { openai: fails(1, 429, { headers: { "retry-after-ms": "1700" } }) }, see: obeyed(1700),
    differs: { seen: ["not as told", "as told"] }, why: crash,
  },
  {
    feature: "retry-after", name: "an HTTP date", config: retrying({ attempts: 1, use_retry_after_header: true }), upstream: () => ({ openai: fails(1, 429, { headers: { "retry-after": httpDate(3) } }) }), see: obeyed(2000, 4200),
    differs: { seen: ["not as told", "as told"] }, why: "theirs reads whole seconds alone",
  },
  {
    feature: "retry-after", name: "no sleep after the last try", config: retrying({ attempts: 1, use_retry_after_header: true }), upstream: { openai: fails(9, 429, { headers: { "retry-after": "1" } }) },
    see: ({ answer, heard }) => (heard.length < 2 ? "no second try" : answer.ms < 1900 ? "answered at once" : "slept"),
    differs: { status: [500, 429], kind: ["other", "error"] }, why: `${crash}: the vendor's 429 is lost`,
  },

  { feature: "request_timeout", name: "the vendor is too slow", config: { provider: "openai", request_timeout: 300 }, upstream: { openai: [{ delay: 1500 }] }, sdk: true, see: ({ answer }) => (answer.ms < 1200 ? "in time" : "late") },
  { feature: "request_timeout", name: "a fallback takes it", config: { strategy: { mode: "fallback" }, targets: [{ provider: "openai", request_timeout: 300 }, { provider: "groq" }] }, upstream: { openai: [{ delay: 1500 }] } },
  { feature: "request_timeout", name: "`on_status_codes: [408]`", config: { strategy: { mode: "fallback", on_status_codes: [408] }, targets: [{ provider: "openai", request_timeout: 300 }, { provider: "groq" }] }, upstream: { openai: [{ delay: 1500 }] } },
  { feature: "request_timeout", name: "retried when 408 is listed", config: retrying({ attempts: 1, on_status_codes: [408] }, { request_timeout: 300 }), upstream: { openai: [{ delay: 1500 }, {}] } },
  { feature: "request_timeout", name: "inherited", config: { request_timeout: 300, strategy: { mode: "fallback" }, targets: [{ provider: "openai" }, { provider: "groq" }] }, upstream: { openai: [{ delay: 1500 }] } },
  { feature: "request_timeout", name: "by header", headers: { "x-portkey-provider": "openai", "x-portkey-request-timeout": "300" }, upstream: { openai: [{ delay: 1500 }] } },

  {
    feature: "the caller leaves", name: "between two tries", config: retrying({ attempts: 3 }), upstream: { openai: fails(9, 500, { delay: 100, headers: { "retry-after": "3" } }) }, leave: 150, settle: 4200, see: ({ heard }) => (heard.length > 2 ? "tries go on" : "no further try"),
    differs: { sent: ["openai ×3", "openai"], seen: ["tries go on", "no further try"] }, why: "theirs goes on asking, and paying, for a caller that is gone",
  },
];
