"""Failed jobs: operators list, retry and forget them; other callers have no access."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from emulator import Emulator
from failures import count
from issuer import Issuer
from shop import Shop
from steps import check, say, wait_for

WORKERS = json.loads((Path(__file__).parents[2] / "workers.json").read_text())
QUEUES = list(WORKERS)
# The reported age of the oldest message in seconds, below the healthy limit.
OLDEST = 77


def run(shop: Shop, issuer: Issuer, emulator: Emulator, outputs: dict):
    """Checks that operators, who have no studio here, see the failures of all studios."""
    operator = Shop(shop.web, shop.api, issuer.token("ops", darkroom_role="operator"))
    closed(shop)
    message = waiting(operator, emulator, outputs)
    dead_letter(operator, emulator, outputs, message)
    record(operator, shop)
    everything(operator, shop, emulator, outputs)


def closed(shop: Shop):
    """Checks that a studio's token has no access."""
    routes = [
        ("GET", "/queues", None),
        ("GET", "/queues/emails/failed", None),
        ("POST", "/queues/emails/failed/retry", {"all": True}),
        ("DELETE", "/queues/emails/failed?all=true", None),
        ("DELETE", f"/queues/emails/failed/{uuid.uuid4()}", None),
    ]
    for method, path, body in routes:
        answer = shop.call(method, path, body)
        check(answer.status == 403, f"{method} {path} answered {answer.status}: {answer.body[:500]}")
        check(answer.json()["type"] == "/problems/operators-only", f"{method} {path}: {answer.body[:500]}")
    say(f"who is no operator: 403 on {len(routes)} routes")


def state(operator: Shop, queue: str) -> dict:
    """Returns the state of a queue."""
    rows = {row["queue"]: row for row in operator.ask("GET", "/queues")["queues"]}
    check(list(rows) == QUEUES, f"GET /queues shows {list(rows)}")
    return rows[queue]


def failed(operator: Shop, queue: str, query: str = "") -> list[dict]:
    """Returns the queue's failed jobs."""
    return operator.ask("GET", f"/queues/{queue}/failed{query}")["items"]


def ids(items: list[dict]) -> list[str]:
    """Returns the ids by which failed jobs are retried and forgotten."""
    return [item["id"] for item in items]


def listed(operator: Shop, photo: str) -> dict | None:
    """Returns a photo among the failed jobs."""
    return next((item for item in failed(operator, "photos") if item["record_id"] == photo), None)


def waiting(operator: Shop, emulator: Emulator, outputs: dict) -> str:
    """Checks that a waiting message is counted, and has CloudWatch's age. Returns the message's id."""
    functions, url = emulator.client("lambda"), outputs["queues"]["emails"]["url"]
    worker = outputs["functions"]["email-sender"]["name"]
    mapping = functions.list_event_source_mappings(FunctionName=worker)["EventSourceMappings"][0]["UUID"]
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    # The emulator has no metrics of queues. As on AWS, the newest value is a minute old.
    age = {
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": url.rsplit("/", 1)[1]}],
        "Timestamp": datetime.now(timezone.utc) - timedelta(minutes=1),
        "Value": OLDEST,
    }
    emulator.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[age])
    message = emulator.client("sqs").send_message(QueueUrl=url, MessageBody="no job of emails")["MessageId"]

    def probe():
        row = state(operator, "emails")
        return row["waiting"] and row

    row = wait_for("a message of emails waits", 30, probe)
    check(row["oldest_seconds"] == OLDEST, f"the oldest message of emails: {row}")
    check(row["verdict"] == "ok" and not row["reasons"], f"a message that waits is no fault: {row}")
    for queue, worker in WORKERS.items():
        row = state(operator, queue)
        check(row["healthy"] == worker["healthy"], f"not the bounds of workers.json: {row}")
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    say(f"emails: one waits, the oldest for {OLDEST} s")
    return message


def dead_letter(operator: Shop, emulator: Emulator, outputs: dict, message: str):
    """Checks that a message that is no job is listed under its own id, repeatedly, and can be forgotten."""
    sqs, dlq = emulator.client("sqs"), outputs["queues"]["emails"]["dlq_url"]
    wait_for("the poison is in the dead-letter queue of emails", 300, lambda: count(sqs, dlq) == 1)
    for _ in range(2):
        page = operator.ask("GET", "/queues/emails/failed")
        # The message's id, in the form that separates it from a record's.
        check(len(page["items"]) == 1 and page["items"][0]["id"].endswith(message), f"not {message} alone: {page}")
    item = page["items"][0]
    error = item["error"]
    check(item["kind"] == "message" and item["dead_letters"] == 1 and item["job"] is None, f"no dead letter: {item}")
    check(error["code"] and error["message"] and item["tries"] > 0, f"it does not say why: {item}")
    groups = [(group["code"], group["count"]) for group in page["groups"]]
    check(groups == [(error["code"], 1)], f"one failed job in groups: {groups}")
    check(ids(failed(operator, "emails", f"?error={error['code']}")) == [item["id"]], "not found by its error")
    check(not failed(operator, "emails", "?error=no_such_code"), "found by an error that it has not")
    row = state(operator, "emails")
    well = row["verdict"] != "failing" or not row["reasons"]
    check(row["dead_letters"] == 1 and not well, f"a dead letter is no fault: {row}")
    say(f"emails: a dead letter, {error['code']}: {error['message']}")

    path = f"/queues/emails/failed/{item['id']}"
    answer = operator.ask("DELETE", path, status=[200])
    check(answer == {"forgotten": item["id"]}, f"forgotten: {answer}")
    check(not failed(operator, "emails") and count(sqs, dlq) == 0, "a forgotten message is still there")
    status = operator.call("DELETE", path).status
    check(status == 404, f"forgotten twice: {status}")
    say("forgotten; then 404")


def broken(shop: Shop) -> str:
    """Uploads a photo that fails at every attempt."""
    photo = shop.upload("broken.jpg", b"This is no photo. " * 100)
    shop.wait(f"/photos/{photo}", "failed")
    return photo


def failed_again(operator: Shop, photo: str, before: dict) -> dict:
    """Returns the photo once it is among the failed jobs by a later attempt."""

    def probe():
        item = listed(operator, photo)
        return item if item and item["last_failed_at"] != before["last_failed_at"] else None

    return wait_for(f"{photo} has failed again", 60, probe)


def record(operator: Shop, shop: Shop):
    """Checks that another studio's failed photo is listed, retried by id and error, and forgotten with all others."""
    photo = broken(shop)
    shown = shop.ask("GET", f"/photos/{photo}")
    item = wait_for("the failed photo is listed", 30, lambda: listed(operator, photo))
    expected = {"kind": "record", "job": "process_photo", "studio": "anna", "record_id": photo, "error": shown["error"]}
    check(expected.items() <= item.items(), f"{item} is not {expected}")
    check(ids(failed(operator, "photos", "?studio=anna")) == [item["id"]], "not found by its studio")
    check(not failed(operator, "photos", "?studio=bert"), "found by another studio")
    row = state(operator, "photos")
    # Photographers upload damaged files: one of them is counted, but is not a fault of the queue.
    tolerated = WORKERS["photos"]["healthy"]["failed"]
    check(row["failed"] == 1 <= tolerated and row["verdict"] == "ok", f"a failed photo is a fault: {row}")

    nothing = item["id"].replace(photo, str(uuid.uuid4()))
    retried = operator.ask("POST", "/queues/photos/failed/retry", {"ids": [item["id"], nothing]}, status=[200])
    check(retried["retried"] == [item["id"]], f"retried: {retried}")
    check(ids(retried["skipped"]) == [nothing], f"skipped: {retried}")
    item = failed_again(operator, photo, item)
    say(f"photos: {item['error']['code']}, retried by its id, failed again")

    asked = operator.ask("POST", "/queues/photos/failed/retry", {"error": item["error"]["code"]}, status=[202])
    path = f"/operations/{asked['operation']['id']}"
    check(shop.call("GET", path).status == 404, "another studio sees the operation")
    operation = operator.ended(asked)
    expected = {"kind": "retry", "queue": "photos", "done": 1, "error": None}
    check(expected.items() <= operation.items() and operation["ended_at"], f"{operation} is not {expected}")
    failed_again(operator, photo, item)
    say("retried by its error, failed again")


def everything(operator: Shop, shop: Shop, emulator: Emulator, outputs: dict):
    """Checks that one request forgets all failed jobs of a queue, records and dead letters."""
    sqs, urls = emulator.client("sqs"), outputs["queues"]["photos"]
    broken(shop)
    sqs.send_message(QueueUrl=urls["url"], MessageBody="no job of photos")
    wait_for("the poison is in the dead-letter queue of photos", 300, lambda: count(sqs, urls["dlq_url"]) == 1)
    wait_for("three failed jobs are listed", 30, lambda: len(failed(operator, "photos")) == 3)
    operation = operator.ended(operator.ask("DELETE", "/queues/photos/failed?all=true", status=[202]))
    check(operation["kind"] == "forget" and not operation["error"], f"not forgotten: {operation}")
    left = failed(operator, "photos")
    check(not left and count(sqs, urls["dlq_url"]) == 0, f"left of what was forgotten: {left}")
    row = state(operator, "photos")
    check((row["failed"], row["dead_letters"], row["verdict"]) == (0, 0, "ok"), f"photos is not well: {row}")
    say(f"all forgotten: {operation['done']}")
