"""A studio's web shop, a user of the API."""

import json

from steps import check, wait_for
from web import Answer, Web


class Shop:
    """Calls the API with one studio's token."""

    def __init__(self, web: Web, api: str, token: str | None):
        self.web, self.api, self.token = web, api, token

    def call(self, method: str, path: str, body=None, key: str | None = None) -> Answer:
        """Sends one request and returns any response; with an idempotency key if there is one."""
        headers = {"content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        return self.web.request(method, f"{self.api}{path}", headers=headers, body=data)

    def ask(self, method: str, path: str, body=None, *, status=(200, 201, 202), key: str | None = None) -> dict:
        """Sends one request that must succeed with one of these codes."""
        answer = self.call(method, path, body, key)
        check(answer.status in status, f"{method} {path} answered {answer.status}: {answer.body[:500]}")
        return answer.json()

    def upload(self, filename: str, content: bytes) -> str:
        """Registers a photo, uploads its bytes to S3, and returns its id."""
        new = {"filename": filename, "content_type": "image/jpeg", "size_bytes": len(content)}
        made = self.ask("POST", "/photos", new)
        upload = made["upload"]
        answer = self.web.request(upload["method"], upload["url"], headers=upload["headers"], body=content)
        check(answer.status == 200, f"the upload of {filename} answered {answer.status}: {answer.body[:500]}")
        return made["photo"]["id"]

    def wait(self, path: str, status: str = "ready", seconds: float = 120) -> dict:
        """Returns the record once it has this status; raises an error for a failed record."""

        def probe():
            record = self.ask("GET", path)
            check(status == "failed" or record["status"] != "failed", f"{path} failed: {record}")
            return record if record["status"] == status else None

        return wait_for(f"{path} is {status}", seconds, probe)

    def ended(self, asked: dict) -> dict:
        """Returns the operation that a request has begun, once it is done."""
        return self.wait(f"/operations/{asked['operation']['id']}", "done")
