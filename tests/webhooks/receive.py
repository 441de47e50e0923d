"""A shop: creates a webhook, causes events, verifies them by the Python library, and keeps them for other languages."""

import argparse
import io
import json
import threading
import time
import urllib.request
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

#: Longer than a photo and its event take on a busy machine.
PATIENCE_SECONDS = 60
#: Status of the first answer: the event comes again.
FIRST_STATUS = 503


class Shop:
    """A server that keeps what it receives."""

    def __init__(self):
        self.received = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                shop.received.append({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
                self.send_response(FIRST_STATUS if len(shop.received) == 1 else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait(self, count: int):
        """Waits until so many requests have arrived."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.received) < count:
            assert time.monotonic() < until, f"{len(self.received)} of {count} webhooks arrived"
            time.sleep(0.1)


def call(api: str, path: str, body) -> dict:
    """Posts JSON as the studio, and returns the answer."""
    request = urllib.request.Request(api + path, json.dumps(body).encode(), method="POST")
    request.add_header("authorization", "Bearer dev:anna")
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def png(shade: int) -> bytes:
    """Returns a PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = (1).to_bytes(4) + (1).to_bytes(4) + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(bytes([0, shade, shade, shade]))
    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    for kind, data in [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]:
        file.write(chunk(kind, data))
    return file.getvalue()


def upload(api: str, shade: int):
    """Uploads a photo, whose processing is an event."""
    bytes_ = png(shade)
    new = {"filename": f"{shade}.png", "content_type": "image/png", "size_bytes": len(bytes_)}
    upload = call(api, "/photos", new)["upload"]
    request = urllib.request.Request(upload["url"], bytes_, method="PUT", headers=upload["headers"])
    urllib.request.urlopen(request).close()


def verify(received: dict, secret: str) -> dict:
    """Verifies a webhook, and checks that the library refuses it after any change."""
    event = Webhook(secret).verify(received["body"], received["headers"])
    event = json.loads(received["body"]) if event is None else event
    forged = received["body"].replace("photo.ready", "photo.ruined")
    for body, key in [(forged, secret), (received["body"], "whsec_" + "A" * 44)]:
        try:
            Webhook(key).verify(body, received["headers"])
        except WebhookVerificationError:
            continue
        raise AssertionError("a forged webhook was accepted")
    return event


def main():
    """Runs the shop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    api, shop = arguments.api, Shop()
    made = call(api, "/webhooks", {"url": shop.url})
    old, path = made["secret"], f"/webhooks/{made['webhook']['id']}"
    upload(api, 1)
    shop.wait(2)
    new = call(api, f"{path}/rotate", {})["secret"]
    upload(api, 2)
    shop.wait(3)
    first, again, rotated = shop.received[:3]
    assert first["headers"]["webhook-id"] == again["headers"]["webhook-id"], "the same event comes again"
    cases = [(first, old), (again, old), (rotated, old), (rotated, new)]
    for received, secret in cases:
        assert verify(received, secret)["type"] == "photo.ready"
    kept = [{**received, "secret": secret} for received, secret in cases]
    arguments.out.write_text(json.dumps(kept))
    print(f"Python: {len(cases)} webhooks verified, and forged ones refused")


main()
