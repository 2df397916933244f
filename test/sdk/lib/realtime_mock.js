// SPDX-License-Identifier: Apache-2.0
// A realtime vendor by script: a WebSocket server that answers as OpenAI's sessions do, and notes all that it was sent.
import http from "node:http";

import { WebSocketServer } from "ws";

import { atEnd } from "./process.js";

export const usage = (more = {}) => ({
  total_tokens: 0, input_tokens: 0, output_tokens: 0,
  input_token_details: { cached_tokens: 0, text_tokens: 0, audio_tokens: 0, image_tokens: 0, cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 } },
  output_token_details: { text_tokens: 0, audio_tokens: 0 },
  ...more,
});

/** `play`: { usage, refuse: status, hold: true (responses end when `finish` is called), session: {...}, done: {...} } */
export async function startRealtime() {
  const vendor = { play: {}, sessions: [], count: 0 };
  const server = http.createServer((request, response) => response.writeHead(426).end("{}"));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0], maxPayload: 64 << 20 });
  server.on("upgrade", (request, socket, head) => {
    vendor.count++;
    vendor.lastUpgrade = { url: request.url, headers: request.headers };
    if (vendor.play.refuse) {
      const text = JSON.stringify({ error: { type: "invalid_request_error", code: "model_not_found", message: "no such model", param: null } });
      socket.end(`HTTP/1.1 ${vendor.play.refuse} No\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => open(ws, request));
  });

  function open(ws, request) {
    const s = { ws, url: request.url, headers: request.headers, protocol: ws.protocol, events: [], pending: [], code: null, reason: null };
    vendor.sessions.push(s);
    let config = { type: "realtime", audio: { input: { turn_detection: { type: "server_vad", create_response: true }, transcription: null } }, max_output_tokens: "inf", ...vendor.play.session };
    let serial = 0;
    s.send = (event) => ws.send(typeof event === "string" ? event : JSON.stringify({ event_id: `ev_${++serial}`, ...event }));
    s.begin = () => {
      const id = `resp_${++serial}`;
      s.send({ type: "response.created", response: { id, status: "in_progress", usage: null } });
      s.pending.push(id);
      return id;
    };
    s.finish = (more = {}) => {
      const id = s.pending.shift();
      s.send({ type: "response.output_text.delta", response_id: id, delta: "hello" });
      s.send({ type: "response.done", response: { id, status: "completed", usage: vendor.play.usage ?? usage(), ...more } });
    };
    s.send({ type: "session.created", session: config });
    ws.on("message", (bytes) => {
      const event = JSON.parse(bytes.toString());
      s.events.push(event);
      if (event.type === "session.update") {
        config = { ...config, ...event.session };
        s.send({ type: "session.updated", session: config });
      } else if (event.type === "response.create") {
        s.begin();
        if (!vendor.play.hold) s.finish();
      } else if (event.type === "response.cancel" && s.pending.length) {
        s.finish({ status: "cancelled" });
      }
    });
    ws.on("close", (code, reason) => { s.code = code; s.reason = reason.toString(); });
    ws.on("error", () => {});
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => { for (const s of vendor.sessions) s.ws.terminate(); server.close(); });
  vendor.url = `http://127.0.0.1:${server.address().port}`;
  vendor.last = () => vendor.sessions.at(-1);
  return vendor;
}
