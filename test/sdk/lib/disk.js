// SPDX-License-Identifier: Apache-2.0
// A file system of its own, small enough to be filled: a tmpfs. Mounting is root's; others get a mount namespace (mayMount).
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

import { atEnd } from "./process.js";

const quietly = (command, ...args) => {
  try {
    execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    return true;
  } catch {
    return false;
  }
};

/** "yes"; "unshare": under `unshare -rm` it may; or "no". */
export function mayMount() {
  const dir = fs.mkdtempSync("/tmp/tollgate-mount-");
  try {
    if (quietly("mount", "-t", "tmpfs", "-o", "size=64k", "tollgate-test", dir)) {
      quietly("umount", dir);
      return "yes";
    }
    return quietly("unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tollgate-test", dir) ? "unshare" : "no";
  } finally {
    fs.rmdirSync(dir);
  }
}

/** Mounts `mib` MiB at `dir`. */
export function mountDisk(dir, mib) {
  fs.mkdirSync(dir, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m,mode=0700`, "tollgate-test", dir]);
  atEnd(() => quietly("umount", "-l", dir));
  const filler = path.join(dir, "filler");
  return {
    /** To the last byte; how many MiB that took. */
    fill() {
      const fd = fs.openSync(filler, "a");
      let taken = 0;
      for (let size = 1 << 20; size >= 1; ) {
        try {
          taken += fs.writeSync(fd, Buffer.alloc(size));
        } catch (error) {
          if (error.code !== "ENOSPC") throw error;
          size >>= 1;
        }
      }
      fs.closeSync(fd);
      return taken / (1 << 20);
    },
    empty: () => fs.rmSync(filler, { force: true }),
    readOnly: (on) => execFileSync("mount", ["-o", `remount,bind,${on ? "ro" : "rw"}`, dir]),
  };
}
