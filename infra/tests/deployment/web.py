"""HTTP requests over TLS to loopback, for any host in the URL."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3


@dataclass
class Answer:
    """A response."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        """Returns the body as JSON."""
        return json.loads(self.body)


class Web:
    """A client that trusts the test's authority and follows no redirects, because the test checks them."""

    def __init__(self, ca: str):
        self.ca = ca
        self.pools = {}

    def request(self, method: str, url: str, *, headers: dict | None = None, body: bytes | None = None) -> Answer:
        """Sends one request. Names under .localhost are loopback (RFC 6761), which not every resolver implements."""
        parts = urlsplit(url)
        pool = self.pools.get(parts.netloc)
        if pool is None:
            pool = urllib3.HTTPSConnectionPool(
                "127.0.0.1", parts.port, ca_certs=self.ca, assert_hostname=parts.hostname, timeout=60, retries=False
            )
            self.pools[parts.netloc] = pool
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"host": parts.netloc} | (headers or {})
        answer = pool.request(method, target, headers=headers, body=body, redirect=False)
        return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.data)
