// SPDX-License-Identifier: Apache-2.0
// node:test with a limit on every test's time, and what most tests ask for.
import assert from "node:assert/strict";
import { describe, test as plain } from "node:test";

export { assert, describe };

export function test(name, options, fn) {
  if (typeof options === "function") return plain(name, { timeout: 30_000 }, options);
  return plain(name, { timeout: 30_000, ...options }, fn);
}

/** The exception of something that must not succeed. */
export async function thrown(promise) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: `expected an exception, got ${JSON.stringify(result)?.slice(0, 300)}` });
}

let serial = 0;
/** A run id nobody has used. */
export const newRun = () => `run_${process.pid}_${++serial}`;
