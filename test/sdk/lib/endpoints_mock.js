// SPDX-License-Identifier: Apache-2.0
// A scripted vendor of pictures, sound, ranking, videos, batches: OpenAI's documented shapes, with the usage a test asks for.
//
// A test steers an answer by `play`: { status, error, body, type, events, usage, pause }. Jobs are in `jobs`, by id.
import { sleep } from "./process.js";
import { answerJson, startScripted } from "./recorder.js";

const data = (body) => `data: ${JSON.stringify(body)}\n\n`;

/** The fields of a form, files as their number of bytes. */
export function formOf(call) {
  const boundary = call.headers["content-type"].match(/boundary=([^;]+)/)[1];
  const fields = {};
  for (const part of call.body.toString("latin1").split(`--${boundary}`).slice(1, -1)) {
    const at = part.indexOf("\r\n\r\n");
    const name = part.slice(0, at).match(/name="([^"]*)"/)[1];
    const value = part.slice(at + 4, -2);
    fields[name] = /filename/.test(part.slice(0, at)) ? value.length : value;
  }
  return fields;
}

async function send(res, play) {
  if (play.events) {
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of play.events) {
      res.write(typeof event === "string" ? event : data(event));
      if (play.pause) await sleep(play.pause);
    }
    return res.end();
  }
  if (play.type) {
    res.writeHead(200, { "content-type": play.type, "x-request-id": "req_end_1" });
    for (const piece of [play.body].flat()) {
      res.write(piece);
      if (play.pause) await sleep(play.pause);
    }
    return res.end();
  }
  return answerJson(res, 200, play.body, { "x-request-id": "req_end_1" });
}

function video(vendor, call, ask) {
  const id = `video_${++vendor.serial}`;
  const job = { id, object: "video", status: "queued", model: ask.model ?? "sora-2", seconds: String(ask.seconds ?? 4), size: ask.size ?? "720x1280", progress: 0, error: null, created_at: 1 };
  vendor.jobs.set(id, job);
  return job;
}

export async function startEndpoints() {
  const vendor = await startScripted(async (call, res) => {
    const play = vendor.play;
    const path = call.url.split("?")[0];
    if (play.status) return answerJson(res, play.status, play.error ?? { error: { message: "no", type: "x", code: "x", param: null } });
    const job = vendor.jobs.get(path.split("/").at(-1));
    if (call.method === "GET" && job) {
      return answerJson(res, 200, job);
    }
    if (path.endsWith(":predictLongRunning")) {
      const id = `op${++vendor.serial}`;
      const made = { name: `${path.slice("/v1beta/".length).split(":")[0]}/operations/${id}` };
      vendor.jobs.set(id, made);
      return answerJson(res, 200, made);
    }
    if (path === "/v1/videos") {
      const form = (call.headers["content-type"] ?? "").startsWith("multipart/");
      return answerJson(res, 200, video(vendor, call, form ? formOf(call) : JSON.parse(call.text)));
    }
    if (path === "/v1/files" || path === "/v1/batches" || path === "/v1/fine_tuning/jobs") {
      const made = play.make(call);
      vendor.jobs.set(made.id, made);
      return answerJson(res, 200, made);
    }
    return send(res, play);
  });
  Object.assign(vendor, { play: {}, jobs: new Map(), serial: 0 });
  return vendor;
}
