// SPDX-License-Identifier: Apache-2.0
// Differences that many cases have: one gateway answers, the other refuses. [Portkey's, ours]
const answered = { kind: "answer", retries: "0", option: "config", cache: "DISABLED" };

/** Theirs refuses with `status`; of ours comes the answer of vendor `to`. */
export const onlyOurs = (status, to, more = {}) => {
  const ours = { ...answered, ...more };
  return {
    status: [status, 200], kind: ["failure", ours.kind], text: [null, more.text ?? `Hello from ${to}`], sent: ["nobody", ours.sent ?? to], option: [null, ours.option], retries: [null, ours.retries],
    provider: [null, to], cache: [null, ours.cache],
  };
};

/** Of theirs comes the answer of vendor `to`; ours refuses with `status`. */
export const onlyTheirs = (status, to, more = {}) => {
  const theirs = { ...answered, ...more };
  return {
    status: [200, status], kind: [theirs.kind, more.refusal ?? "failure"], text: [`Hello from ${to}`, null], sent: [theirs.sent ?? to, more.asked ?? "nobody"], option: [theirs.option, null], retries: [theirs.retries, null],
    provider: [theirs.provider ?? to, null], cache: [theirs.cache, null],
  };
};
