"""What the shop sees of a studio's photos, by the API."""

import json
import time
from urllib.request import Request, urlopen

#: Longer than a message waits that met a photo in progress (60 s), twice.
PATIENCE_SECONDS = 150


class Darkroom:
    """The API of one system."""

    def __init__(self, api: str):
        self.api = api

    def get(self, path: str, token: str) -> dict:
        request = Request(self.api + path, headers={"authorization": f"Bearer {token}"})
        with urlopen(request, timeout=60) as response:
            return json.load(response)

    def send(self, method: str, path: str, token: str, body: dict | None = None) -> dict:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.api + path, data, headers, method=method), timeout=60) as response:
            return json.load(response) if response.status != 204 else {}

    def photos(self, studio: str) -> list[dict]:
        """Returns all photos of a studio, oldest first."""
        photos, cursor = [], ""
        while True:
            page = self.get(f"/photos?limit=200{cursor}", f"dev:{studio}")
            photos += page["items"]
            if not page.get("next_cursor"):
                return photos[::-1]
            cursor = f"&cursor={page['next_cursor']}"

    def is_quiet(self) -> bool:
        """Returns whether no queue has a message."""
        queues = self.get("/queues", "dev:operator:operator")["queues"]
        return not any(queue["waiting"] + queue["in_flight"] + queue["delayed"] for queue in queues)

    def at_rest(self, studio: str, patience: float = PATIENCE_SECONDS) -> list[dict]:
        """Waits until nothing is under way, and returns the photos of the studio."""
        ends, quiet = time.monotonic() + patience, 0
        while quiet < 2:
            if time.monotonic() > ends:
                raise SystemExit(f"{studio}: still under way after {patience:.0f} s")
            quiet = quiet + 1 if self.is_quiet() else 0
            if quiet < 2:
                time.sleep(0.1)
        photos = self.photos(studio)
        if under_way := [photo for photo in photos if photo["status"] not in ("ready", "failed")]:
            raise SystemExit(f"{studio}: no message, but not at rest: {under_way[0]}")
        return photos
