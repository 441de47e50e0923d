"""Reports of SES, through EventBridge's rules and the default queue, to the email, its download and the shop."""

import json
from datetime import datetime, timezone

from emulator import Emulator
from main_job import CUSTOMER
from shop import Shop
from steps import check, say, wait_for

#: The emulator refuses sources of AWS's, so the tests' override of the rules names another (exceptions_override.tf.in).
SOURCE = "tests.ses"


def rules(emulator: Emulator) -> dict[str, dict]:
    """Returns the patterns of the rules for emails, by name."""
    found = emulator.client("events").list_rules()["Rules"]
    return {rule["Name"]: json.loads(rule["EventPattern"]) for rule in found if "-mail-" in rule["Name"]}


def put(emulator: Emulator, email: dict, kind: str, details: dict):
    """Puts an event as SES does."""
    pattern = next(iter(rules(emulator).values()))
    configuration_set = pattern["detail"]["mail"]["tags"]["ses:configuration-set"][0]
    tags = {"ses:configuration-set": [configuration_set], "studio": ["anna"], "email": [email["id"]]}
    detail = {"eventType": kind, "mail": {"messageId": email["provider_message_id"], "tags": tags}, **details}
    event = {"Source": SOURCE, "DetailType": f"Email {kind}", "Detail": json.dumps(detail), "Time": datetime.now(timezone.utc)}
    answer = emulator.client("events").put_events(Entries=[event])
    check(answer["FailedEntryCount"] == 0, f"the event was refused: {answer}")


def run(shop: Shop, emulator: Emulator):
    """Delivers the email of a download, then bounces it, and sends the link again."""
    check(len(rules(emulator)) == 2, f"there are other rules than two: {rules(emulator)}")
    sent = next(
        email
        for email in shop.ask("GET", "/emails?status=sent")["items"]
        if email["template"] == "download_ready" and email["to"] == CUSTOMER
    )
    put(emulator, sent, "Delivery", {"delivery": {}})
    delivered = shop.wait(f"/emails/{sent['id']}", "delivered")
    put(emulator, sent, "Bounce", {"bounce": {"bounceType": "Permanent", "bounceSubType": "General"}})
    bounced = shop.wait(f"/emails/{sent['id']}", "bounced")
    check(bounced["bounce"] == "permanent" and bounced["delivered_at"] == delivered["delivered_at"], f"it is {bounced}")
    path = f"/downloads/{sent['about']}"
    wait_for("the download says so", 30, lambda: shop.ask("GET", path)["undelivered_at"])
    say("reports of SES reach the email and its download through the rules")

    shop.ask("POST", f"{path}/notify", {})
    suppressed = wait_for("an email that is not sent", 60, lambda: shop.ask("GET", "/emails?status=suppressed")["items"])
    check(suppressed[0]["error"]["code"] == "address_suppressed", f"it is suppressed otherwise: {suppressed[0]}")

    def told() -> bool:
        kinds = {event["type"] for event in shop.ask("GET", "/events?limit=200")["items"]}
        return {"photo.ready", "download.ready", "email.sent", "email.bounced", "download.undelivered"} <= kinds

    wait_for("the shop's events", 60, told)
    refused = shop.call("POST", "/webhooks", {"url": "https://169.254.169.254/latest"})
    check(refused.status == 422, f"a webhook to the metadata service answered {refused.status}: {refused.body[:500]}")
    made = shop.ask("POST", "/webhooks", {"url": "https://shop.invalid/hook", "types": ["photo.ready"]})
    check(made["secret"].startswith("whsec_"), "the webhook has no secret")
    deleted = shop.call("DELETE", f"/webhooks/{made['webhook']['id']}")
    check(deleted.status == 204, f"deleting the webhook answered {deleted.status}")
    say("the address is suppressed, and the shop's events tell of it; a webhook to a private address is refused")
