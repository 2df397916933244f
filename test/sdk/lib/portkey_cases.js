// SPDX-License-Identifier: Apache-2.0
// What both gateways are asked. A case:
//
//   feature, name      its row in docs/portkey.md
//   config, headers    as a caller of Portkey's has them; headers may be a function of { urls, side }
//   path, body, only   /v1/chat/completions; body: more members, or bytes as they are; only: the whole body
//   upstream           scripts of the vendors: portkey_upstreams.js
//   again              asked twice, one after the other; the second answer counts
//   times, leave, settle   asked so often; the caller leaves after so many ms; and what came is looked at so many ms later
//   see                what else is compared
//   differs, why       { field: [Portkey's, ours] } and the reason. All other fields must be the same; without it, all must be
//   sdk, option        asked through the SDK as well, with options of its own; bySdk: what differs there besides
import { retries } from "./portkey_cases_retry.js";
import { routing } from "./portkey_cases_routing.js";
import { wire } from "./portkey_cases_wire.js";

export const cases = [...routing, ...retries, ...wire].map((one, i) => ({ id: i + 1, ...one }));
