"""Synchronous requests, and repeated requests."""

import main_job
import photos
from emulator import Emulator
from shop import Shop
from steps import check, say

CUSTOMER = "waiting@example.net"


def run(shop: Shop, emulator: Emulator):
    """Runs each kind of job by a direct invocation of its worker, which the api's role must allow."""
    content = photos.jpeg(600, 400)
    photo = shop.upload("direct.jpg", content)
    before = shop.wait(f"/photos/{photo}")["processed_at"]
    again = shop.ask("POST", f"/photos/{photo}/process", {"queue": False}, status=[200])
    check(again["status"] == "ready" and again["processed_at"] != before, f"the photo was not developed again: {again}")
    say("a photo developed again: 200 ready")

    order = {
        "reference": "Synchronous",
        "customer": {"name": "Anton", "email": CUSTOMER, "locale": "en"},
        "photo_ids": [photo],
    }
    order = shop.ask("POST", "/orders", order)["id"]
    asked = {"kind": "batch", "notify": False, "queue": False}
    made = shop.ask("POST", f"/orders/{order}/downloads", asked, status=[201])
    check(made["download"]["status"] == "ready", f"the download is not ready: {made}")
    started = shop.web.request("POST", made["link"])
    check(started.status == 303, f"POST to the link answered {started.status}")
    fetched = shop.web.request("GET", started.headers["location"])
    check(fetched.status == 303, f"GET of the ticket answered {fetched.status}")
    archive = shop.web.request("GET", fetched.headers["location"])
    check(archive.status == 200, f"the archive's URL answered {archive.status}: {archive.body[:500]}")
    main_job.compare(archive.body, {"direct.jpg": content})
    say("a download: 201 ready, and its link opens the ZIP")

    email = {"template": "order_confirmation", "to": CUSTOMER, "data": {"order_id": order}, "queue": False}
    sent = shop.ask("POST", "/emails", email, status=[201])["email"]
    check(sent["status"] == "sent", f"the email is not sent: {sent}")
    arrived = [email for email in emulator.emails() if CUSTOMER in str(email)]
    check(len(arrived) == 1, f"{len(arrived)} emails to {CUSTOMER}")
    say("an email: 201 sent")


def twice(shop: Shop):
    """Checks that a request repeated under one idempotency key makes one record, and that another is refused."""
    new = {"filename": "twice.jpg", "content_type": "image/jpeg", "size_bytes": 1000}
    first, second = (shop.ask("POST", "/photos", new, key="deployment-1")["photo"]["id"] for _ in range(2))
    check(first == second, f"one key made two photos: {first}, {second}")
    other = shop.ask("POST", "/photos", new, key="deployment-2")["photo"]["id"]
    check(other != first, "two keys made one photo")
    status = shop.call("POST", "/photos", new | {"size_bytes": 1001}, key="deployment-1").status
    check(400 <= status < 500, f"another request under the same key answered {status}")
    say(f"the same request twice: one photo; another one under its key: {status}")
