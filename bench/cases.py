# SPDX-License-Identifier: Apache-2.0
"""What is asked of the gates, and how a right answer looks."""
import base64
import dataclasses
import json
import re

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
    fields: tuple = ()  # header fields of its own: ((name, value), ...)
    translated: bool = False  # the answer is said in another dialect's words: only what it says is compared

    def body_of(self, number):
        """The body of one request: NNNNNNNNNN is another number in each."""
        return self.body.replace(b"NNNNNNNNNN", b"%010d" % number)


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
FORM = "application/x-www-form-urlencoded"
ACCOUNT = "AC" + "1" * 32
CUSTOMER = "cus_benchmark"
BY_USER = (("authorization", "Basic " + base64.b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()),)
BY_TOKEN = (("x-shopify-access-token", KEY),)
TEXT = b"To=%2B15558675310&From=%2B15017122661&Body=Your+order+has+left+our+house+and+will+be+with+you+tomorrow."
MAIL = json.dumps({"from": "Shop <shop@example.com>", "to": [f"customer-{n}@example.org" for n in range(10)], "subject": "Your order",
                   "text": "Your order has left our house and will be with you tomorrow."}).encode()
REFUND = "mutation Refund($input: RefundInput!) { refundCreate(input: $input) { refund { id } userErrors { field message } } }"
GRAPHQL = json.dumps({"query": REFUND, "variables": {"input": {"orderId": "gid://shopify/Order/1", "note": "broken", "transactions": [
    {"orderId": "gid://shopify/Order/1", "parentId": "gid://shopify/OrderTransaction/1", "kind": "REFUND", "gateway": "x", "amount": "1.00"}]}}}).encode()
SAAS = [
    Case("charge", "Stripe charge, of the one customer that is allowed, within a maximum", "/stripe/v1/charges", FORM,
         f"amount=100&currency=usd&customer={CUSTOMER}&description=one+benchmark".encode(), "1"),
    Case("refund-known", "Stripe refund, whose charge is remembered", "/stripe/v1/refunds", FORM, b"charge=ch_1000000000&amount=100", "1"),
    Case("refund-read", "Stripe refund, whose charge is read first", "/stripe/v1/refunds", FORM, b"charge=ch_NNNNNNNNNN&amount=100", "1"),
    Case("text", "Twilio message, its price in the answer", f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json", FORM, TEXT + b"+priced", "0.014", fields=BY_USER),
    Case("mail", "Resend mail to ten", "/resend/emails", JSON, MAIL, "0.009"),
    Case("graphql", "Shopify refund, GraphQL", "/shopify/admin/api/2026-07/graphql.json", JSON, GRAPHQL, "1", fields=BY_TOKEN),
    Case("text-late", "Twilio message, its price told later", f"/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json", FORM, TEXT, "0.014", fields=BY_USER),
]
CLAUDE = "claude-haiku-4-5"
TRANSLATED = [
    Case("translated-1k", "chat call, 1 KB", CHAT, JSON, chat(1024, CLAUDE), "0.00036", translated=True),
    Case("translated-32k", "chat call, 32 KB", CHAT, JSON, chat(32 * 1024, CLAUDE), "0.00036", translated=True),
    Case("translated-1m", "chat call, 1 MB", CHAT, JSON, chat(1024 * 1024, CLAUDE), "0.00036", translated=True),
    Case("translated-stream", "stream of 200 events, 1 KB", CHAT, JSON, chat(1024, CLAUDE, stream=True), "0.00119", stream=True, translated=True),
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


def plain(body):
    """What it says, but for the numbers of what was made."""
    return json.loads(re.sub(rb"(?<!\d)\d{10}(?!\d)|\d{12}(?!\d)", b"1", body))


def wrong_words(case, body, reference):
    """The same for an answer that came through two dialects."""
    if case.stream:
        text, ended = words(body)
        return None if "".join(text) == "".join(words(reference)[0]) and ended else f"{len(text)} events, ended: {ended}"
    said, meant = json.loads(body), json.loads(reference)
    same = all(said["usage"][n] == meant["usage"][n] for n in ("prompt_tokens", "completion_tokens"))
    same = same and said["choices"][0]["message"]["content"] == meant["choices"][0]["message"]["content"]
    return None if same else f"another answer: {body[:200]!r}"


def wrong(case, status, body, reference):
    """Why this answer is not what the upstream itself says to `case`; None if it is."""
    if status != 200:
        return f"status {status}: {body[:200]!r}"
    if case.translated:
        return wrong_words(case, body, reference)
    if not case.stream:
        return None if plain(body) == plain(reference) else f"another body: {body[:200]!r}"
    text, ended = words(body)
    if (text, ended) != words(reference):
        return f"{len(text)} events, ended: {ended}"
    return None if len(text) == 200 and ended else "the upstream itself does not stream 200 events"
