"""A queue paused and resumed by an operator, and what operators see meanwhile."""

import photos
from emulator import Emulator
from issuer import Issuer
from shop import Shop
from steps import check, say, wait_for
from terraform import Terraform


def run(shop: Shop, issuer: Issuer, emulator: Emulator, terraform: Terraform):
    """Checks that a paused queue keeps its jobs, that Terraform leaves it paused, and that it goes on when resumed."""
    operator = Shop(shop.web, shop.api, issuer.token("ops", darkroom_role="operator"))
    status = shop.call("POST", "/queues/photos/pause").status
    check(status == 403, f"a studio's token paused a queue: {status}")
    answer = operator.call("POST", "/queues/default/pause")
    check(answer.status == 409, f"the default queue was paused: {answer.status} {answer.body[:500]}")
    pause = operator.ask("POST", "/queues/photos/pause")["paused"]
    check(pause["by"] == "ops", f"the pause is {pause}")
    mappings = emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    disabled = [mapping["EventSourceArn"] for mapping in mappings if mapping["State"] == "Disabled"]
    check(len(disabled) == 1 and disabled[0].endswith("-photos"), f"disabled are {disabled}")

    photo = shop.upload("paused.jpg", photos.jpeg(300, 200))
    path = f"/photos/{photo}"

    def waits():
        return operator.ask("GET", "/queues/photos/jobs?state=waiting")["items"]

    wait_for("the photo's job waits", 60, waits)
    queue = next(queue for queue in operator.ask("GET", "/queues")["queues"] if queue["queue"] == "photos")
    check(queue["verdict"] in ("paused", "failing") and queue["paused"] == pause, f"the queue is {queue}")
    answer = shop.call("POST", f"{path}/process", {"queue": False})
    check(answer.status == 409, f"a request waits for a paused queue: {answer.status} {answer.body[:500]}")
    terraform.plan("-detailed-exitcode")
    say("paused: its mapping is disabled, its job waits, and Terraform would change nothing")

    operator.ask("POST", "/queues/photos/resume")
    shop.wait(path)
    story = operator.ask("GET", f"/jobs/anna/{photo}")
    outcomes = [attempt["outcome"] for attempt in story["job"]["attempts"]]
    check(outcomes == ["succeeded"], f"the attempts are {outcomes}")
    check(story["job"]["attempts"][0]["request_id"], "an attempt has no invocation")
    loads = operator.ask("GET", "/studios")
    check(isinstance(loads["items"], list), f"the loads are {loads}")
    say("resumed: the photo is ready after one attempt, whose invocation is on record")
