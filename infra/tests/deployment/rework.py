"""Photos after they are ready: one request processes all again, and one photo is deleted."""

import photos
from emulator import Emulator
from failures import count
from shop import Shop
from steps import check, say, wait_for


def run(shop: Shop, emulator: Emulator, outputs: dict):
    """Checks that the worker finds the studio's photos, and that a deleted one leaves neither record nor objects."""
    photo = shop.upload("again.jpg", photos.jpeg(600, 400))
    path = f"/photos/{photo}"
    before = shop.wait(path)["processed_at"]
    operation = shop.ended(shop.ask("POST", "/photos/process", {"which": "all"}, status=[202]))
    check(operation["kind"] == "regenerate" and operation["done"] > 1, f"not all photos were taken: {operation}")

    def developed_again():
        record = shop.wait(path)
        return record["processed_at"] != before

    wait_for(f"{path} is developed again", 60, developed_again)
    sqs, queue = emulator.client("sqs"), outputs["queues"]["photos"]["url"]
    wait_for("all photos are developed again", 60, lambda: count(sqs, queue) == 0)
    say(f"{operation['done']} photos developed again")

    answer = shop.call("DELETE", path)
    check(answer.status == 204, f"DELETE {path} answered {answer.status}: {answer.body[:500]}")
    status = shop.call("GET", path).status
    check(status == 404, f"a deleted photo answered {status}")
    s3, bucket = emulator.client("s3"), outputs["buckets"]["photos"]
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    left = [key for key in listed if photo in key]
    check(listed and not left, f"a deleted photo left {left}")
    say("a photo deleted: 204, then 404, and no object of it")
