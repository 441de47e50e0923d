"""Failures without a request: a poison message, a worker that dies in the middle of a job; and the sweep."""

import json

import photos
from emulator import Emulator
from shop import Shop
from steps import check, say, wait_for

# Large enough to be in progress when the test kills the worker.
LARGE = (9000, 6750)


def count(sqs, url: str) -> int:
    """Returns the number of messages of a queue, in flight or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(n) for n in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def poison(emulator: Emulator, outputs: dict):
    """Checks that an undecodable body soon reaches the dead-letter queue: the worker sets its visibility to zero."""
    sqs = emulator.client("sqs")
    for queue, urls in outputs["queues"].items():
        sqs.send_message(QueueUrl=urls["url"], MessageBody=f"no job of {queue}")
    for queue, urls in outputs["queues"].items():
        wait_for(f"the poison is in the dead-letter queue of {queue}", 300, lambda: count(sqs, urls["dlq_url"]) == 1)
        check(count(sqs, urls["url"]) == 0, f"the poison is still on {queue}")
        found = sqs.receive_message(QueueUrl=urls["dlq_url"], WaitTimeSeconds=1)["Messages"][0]
        check(found["Body"] == f"no job of {queue}", f"the dead-letter queue of {queue} holds {found['Body']}")
        sqs.delete_message(QueueUrl=urls["dlq_url"], ReceiptHandle=found["ReceiptHandle"])
        say(f"{queue}: in its dead-letter queue")


def crash(shop: Shop, emulator: Emulator, outputs: dict):
    """Kills a worker while it processes a photo, and checks that a second attempt processes the photo."""
    worker, functions = outputs["functions"]["photo-processor"]["name"], emulator.client("lambda")
    timeout = functions.get_function_configuration(FunctionName=worker)["Timeout"]
    # A crash costs one lease, and a lease is as long as the function's timeout: five minutes are too long for this
    # test.
    functions.update_function_configuration(FunctionName=worker, Timeout=30)
    photo = shop.upload("large.jpg", photos.jpeg(*LARGE))
    wait_for("the worker is at work", 60, lambda: status(shop, photo) != "pending", every=0.02)
    killed = emulator.kill(worker)
    check(killed and status(shop, photo) == "processing", "the photo was ready before the worker could be killed")
    record = shop.wait(f"/photos/{photo}", seconds=180)
    check(record["attempts"] == 2, f"{record['attempts']} attempts were counted")
    say("killed in the middle; ready after the second try")
    functions.update_function_configuration(FunctionName=worker, Timeout=timeout)


def status(shop: Shop, photo: str) -> str:
    """Returns the photo's status; before the worker has claimed it, always "pending"."""
    seen = shop.ask("GET", f"/photos/{photo}")["status"]
    return "pending" if seen == "awaiting_upload" else seen


def sweep(emulator: Emulator, outputs: dict):
    """Checks that the housekeeper runs the schedule's job. Other workers delete the sweeps of the previous release."""
    scheduler, sqs = emulator.client("scheduler"), emulator.client("sqs")
    [found] = scheduler.list_schedules()["Schedules"]
    schedule = scheduler.get_schedule(Name=found["Name"], GroupName=found["GroupName"])
    check(schedule["ScheduleExpression"] == "rate(5 minutes)", f"{found['Name']}: {schedule['ScheduleExpression']}")
    target, body = schedule["Target"]["Arn"].rsplit(":", 1)[1], schedule["Target"]["Input"]
    check(outputs["queues"]["default"]["url"].rsplit("/", 1)[1] == target, f"the schedule sends to {target}")
    check(json.loads(body) == {"v": 1, "job": "sweep"}, f"the schedule sends {body}")
    for urls in outputs["queues"].values():
        sqs.send_message(QueueUrl=urls["url"], MessageBody=body)
    for queue, urls in outputs["queues"].items():
        wait_for(f"the sweep of {queue} is acknowledged", 60, lambda: count(sqs, urls["url"]) == 0)
        check(count(sqs, urls["dlq_url"]) == 0, f"the sweep of {queue} is in its dead-letter queue")
    say(f"{target}: swept")
