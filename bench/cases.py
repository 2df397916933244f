# SPDX-License-Identifier: Apache-2.0
"""What is asked of the gates, and how a right answer looks."""
import dataclasses
import json

KEY = "key-of-the-benchmark-0123456789"
SENTENCE = "The quick brown fox jumps over the lazy dog while nobody looks. "


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    path: str
    content_type: str
    body: bytes
    cost_usd: str  # of one call, as the gate must have booked it
    stream: bool = False


def chat(size, model="gpt-4o-mini", stream=False):
    """A chat call whose body has `size` bytes. The upstream looks for model and stream in the first 2048."""
    call = {"model": model, "max_tokens": 256}
    if stream:
        call["stream"] = True
    call["messages"] = [{"role": "user", "content": ""}]
    room = size - len(json.dumps(call, separators=(",", ":")))
    call["messages"][0]["content"] = (SENTENCE * (room // len(SENTENCE) + 1))[:room]
    return json.dumps(call, separators=(",", ":")).encode()


JSON = "application/json"
CHAT = "/v1/chat/completions"
CASES = [
    Case("chat-1k", "chat call, 1 KB", CHAT, JSON, chat(1024), "0.0000489"),
    Case("chat-32k", "chat call, 32 KB", CHAT, JSON, chat(32 * 1024), "0.0000489"),
    Case("charge", "Stripe charge", "/stripe/v1/charges", "application/x-www-form-urlencoded",
         b"amount=100&currency=usd&source=tok_visa&description=one+benchmark", "1"),
    Case("stream", "stream of 200 events", CHAT, JSON, chat(1024, stream=True), "0.0001485", stream=True),
]
# Its events come 100 ms apart.
PACED = Case("paced", "paced stream", CHAT, JSON, chat(1024, model="gpt-4o", stream=True), "", stream=True)


def words(body):
    """The text of a streamed answer's events, and whether it was ended."""
    text, ended = [], False
    for line in body.decode().splitlines():
        if line == "data: [DONE]":
            ended = True
        elif line.startswith("data: "):
            for choice in json.loads(line[6:])["choices"]:
                text.append(choice["delta"].get("content", ""))
    return text, ended


def wrong(case, status, body, reference):
    """Why this answer is not what the upstream itself says to `case`; None if it is."""
    if status != 200:
        return f"status {status}: {body[:200]!r}"
    if not case.stream:
        return None if json.loads(body) == json.loads(reference) else f"another body: {body[:200]!r}"
    text, ended = words(body)
    if (text, ended) != words(reference):
        return f"{len(text)} events, ended: {ended}"
    return None if len(text) == 200 and ended else "the upstream itself does not stream 200 events"
