// SPDX-License-Identifier: Apache-2.0
// Messages of Amazon's binary event stream, as Bedrock sends them; written from "Event stream encoding", not from our own reader.
import { crc32 } from "node:zlib";

export const awsStreamType = "application/vnd.amazon.eventstream";

function header(name, value) {
  const n = Buffer.from(name), v = Buffer.from(value), head = Buffer.alloc(3);
  head[0] = 7; // a string
  head.writeUInt16BE(v.length, 1);
  return Buffer.concat([Buffer.from([n.length]), n, head, v]);
}

/** One message of any headers (all of them texts) and any payload. */
export function awsMessage(headers, payload = Buffer.alloc(0)) {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const out = Buffer.alloc(12 + head.length + payload.length + 4);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(head.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  head.copy(out, 12);
  payload.copy(out, 12 + head.length);
  out.writeUInt32BE(crc32(out.subarray(0, -4)), out.length - 4);
  return out;
}

const json = { ":content-type": "application/json" };

/** awsEvent("messageStop", { stopReason: "end_turn" }) */
export const awsEvent = (name, body) =>
  awsMessage({ ":event-type": name, ...json, ":message-type": "event" }, Buffer.from(JSON.stringify(body)));
/** awsException("throttlingException", "slow down") */
export const awsException = (name, message) =>
  awsMessage({ ":exception-type": name, ...json, ":message-type": "exception" }, Buffer.from(JSON.stringify({ message })));
/** An error that is no modelled exception: it has headers only. */
export const awsError = (code, message) => awsMessage({ ":error-code": code, ":error-message": message, ":message-type": "error" });
/** InvokeModelWithResponseStream: the model's own event, in base64. */
export const awsChunk = (body) => awsEvent("chunk", { bytes: Buffer.from(JSON.stringify(body)).toString("base64") });

/** Cuts what is complete off a run of bytes: [{ headers, body }]; throws at a wrong checksum. */
export function awsRead(bytes) {
  const messages = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at), message = bytes.subarray(at, at + length), headersEnd = 12 + message.readUInt32BE(4);
    if (message.readUInt32BE(8) !== crc32(message.subarray(0, 8))) throw new Error("checksum of a prelude");
    if (message.readUInt32BE(length - 4) !== crc32(message.subarray(0, -4))) throw new Error("checksum of a message");
    const headers = {};
    for (let h = 12; h < headersEnd; ) {
      const name = message.toString("utf8", h + 1, h + 1 + message[h]);
      h += 1 + message[h];
      if (message[h] !== 7) throw new Error(`header ${name} is no text`);
      const size = message.readUInt16BE(h + 1);
      headers[name] = message.toString("utf8", h + 3, h + 3 + size);
      h += 3 + size;
    }
    messages.push({ headers, body: message.toString("utf8", headersEnd, length - 4) });
    at += length;
  }
  return messages;
}
