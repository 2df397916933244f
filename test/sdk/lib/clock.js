// SPDX-License-Identifier: Apache-2.0
// A wall clock that a test sets while the gate runs (libfaketime, preloaded). Timers go by the monotonic clock, which stays true.
//
//   const clock = startClock("2026-03-28T22:59:50Z");
//   const gate = await startGate(config, { env: clock.env });
//   clock.set("2026-03-28T23:00:01Z");       // goes on from there
//   clock.stop("2026-03-28T23:00:01Z");      // stands still there
import fs from "node:fs";
import path from "node:path";

import { tempDir } from "./gate.js";

const folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime"];

function library() {
  const found = folders.map((folder) => path.join(folder, "libfaketimeMT.so.1")).find((file) => fs.existsSync(file));
  if (!found) throw new Error("libfaketime is not installed; script/setup --tests installs it");
  return found;
}

export function startClock(time) {
  const file = path.join(tempDir("clock"), "time");
  const put = (text) => {
    fs.writeFileSync(`${file}.new`, text); // never half a time
    fs.renameSync(`${file}.new`, file);
  };
  const text = (moment) => new Date(moment).toISOString().replace("T", " ").replace(/\.\d+Z$/, "");
  const clock = {
    env: {
      LD_PRELOAD: library(), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_RESET: "1", TZ: "UTC",
    },
    set: (moment) => put(`@${text(moment)}`),
    stop: (moment) => put(text(moment)),
  };
  clock.set(time);
  return clock;
}
