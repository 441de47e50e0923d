"""Creates records of every kind, and writes their ids as dictionaries: without them, routes for one record would only
return 404.

    seed.py API FOLDER
"""

import io
import sys
import time
from pathlib import Path

import requests
from PIL import Image

#: Longer than any job takes on a busy machine.
PATIENCE_SECONDS = 60


class Shop:
    """A studio's web shop."""

    def __init__(self, api: str):
        self.api = api
        self.session = requests.Session()
        # The token is an operator's, so that the routes of failed jobs are tested too.
        self.session.headers["authorization"] = "Bearer dev:anna:operator"

    def ask(self, method: str, path: str, body=None) -> dict:
        """Sends a request that must succeed."""
        answer = self.session.request(method, self.api + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def announce(self, name: str, content: bytes) -> dict:
        """Registers a photo without an upload."""
        new = {"filename": name, "content_type": "image/jpeg", "size_bytes": len(content)}
        return self.ask("POST", "/photos", new)

    def upload(self, name: str, content: bytes) -> str:
        """Registers a photo, uploads its bytes, and returns its id."""
        announced = self.announce(name, content)
        upload = announced["upload"]
        stored = requests.request(upload["method"], upload["url"], headers=upload["headers"], data=content, timeout=60)
        stored.raise_for_status()
        return announced["photo"]["id"]

    def wait(self, path: str, status: str):
        """Waits until the record has this status."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while (record := self.ask("GET", path))["status"] != status:
            if time.monotonic() > ends:
                sys.exit(f"{path} is not {status}: {record}")
            time.sleep(0.1)


def picture(seed: int) -> bytes:
    """Returns a small JPEG, different for each call."""
    content = io.BytesIO()
    Image.new("RGB", (64, 48), (seed * 20 % 256, 100, 50)).save(content, "jpeg")
    return content.getvalue()


def records(shop: Shop) -> dict[str, list[str]]:
    """Creates the records. Returns their ids by kind."""
    photos = [shop.upload(f"{n}.jpg", picture(n)) for n in range(6)]
    damaged = [shop.upload(f"damaged {n}.jpg", b"no photo at all") for n in range(6)]
    for photo in photos:
        shop.wait(f"/photos/{photo}", "ready")
    for photo in damaged:
        shop.wait(f"/photos/{photo}", "failed")
    announced = [shop.announce(f"announced {n}.jpg", picture(n))["photo"]["id"] for n in range(4)]
    # Another address than the document's example, because requests with the example erase that customer.
    customer = {"name": "Eva Beispiel", "email": "seed@example.com"}
    orders = []
    for n in range(6):
        order = {"reference": f"2026-{n}", "customer": customer, "photo_ids": photos[n % 3 : n % 3 + 3]}
        orders.append(shop.ask("POST", "/orders", order)["id"])
    orders, erasable = orders[:3], orders[3:]
    wishes = [{}, {"variant": "web"}, {"max_downloads": 1}, {"kind": "single", "photo_id": photos[2]}]
    made = [shop.ask("POST", f"/orders/{order}/downloads", wish) for order in orders for wish in wishes]
    downloads = [one["download"]["id"] for one in made]
    for download in downloads:
        shop.wait(f"/downloads/{download}", "ready")
    email = {"template": "order_confirmation", "to": "seed@example.com", "data": {"order_id": orders[0]}}
    return {
        "photos": photos + damaged,
        "ready": photos,
        "announced": announced,
        "orders": orders,
        "erasable": erasable,
        "downloads": downloads,
        "tokens": [one["link"].rpartition("/")[2] for one in made],
        "emails": [shop.ask("POST", "/emails", email)["email"]["id"]],
        "operations": [shop.ask("POST", "/photos/process", {"which": "older"})["operation"]["id"]],
        "failed": [job["id"] for job in shop.ask("GET", "/queues/photos/failed")["items"]],
    }


def main():
    api, folder = sys.argv[1:]
    for kind, ids in records(Shop(api)).items():
        Path(folder, f"{kind}.dict").write_text("".join(f'"{one}"\n' for one in ids))


main()
