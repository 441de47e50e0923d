"""The deployment test: applies Terraform to an emulator with IAM enforced, and performs the main workflow there with
the real functions. `.ci/deployment` runs this folder.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import bad_input
import direct
import erasure
import failed_jobs
import failures
import issuer as oidc
import leftovers
import main_job
import packages
import pauses
import pki
import refusals
import reports
import rework
import studio
import upgrade
from emulator import Emulator
from shop import Shop
from steps import Failed, Steps, check, say
from terraform import Terraform
from terraform import copy as terraform_copy
from web import Web

INFRA = Path(__file__).parents[2]
# A longer limit, since nobody waits for the result. CI runs the test beside other work.
MOST_SECONDS = 25 * 60


def main():
    """Runs the test. Exits with 0 only if all checks pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--binaries", type=Path, required=True, help="where api, email-sender, ... lie, built for this machine"
    )
    parser.add_argument("--plan", type=Path, help="write the plan as JSON to this file, the examples' beside it")
    parser.add_argument("--plan-only", action="store_true", help="stop after the plan")
    parser.add_argument("--previous", type=Path, help="infra of the release before: upgrade from it, and stop")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="darkroom-deployment-"))
    # An interrupt from outside must stop the emulator too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    steps, emulator = Steps(), None
    try:
        with steps.step("certificates, issuer, emulator, packages"):
            ca, certificate, key = pki.make(folder)
            issuer = oidc.Issuer(certificate, key)
            emulator = Emulator(folder, ca, certificate, key)
            # infra expects the packages there.
            packages.make(options.binaries.resolve(), folder / "target" / "lambda")
            say(f"{emulator.endpoint}, AUTH=true")
        deploy(steps, folder, issuer, emulator, options)
    except Exception as failure:
        if not isinstance(failure, Failed):
            traceback.print_exc()
        print(f"\nFAILED: {failure}", flush=True)
        if emulator:
            print(f"\n== end of the emulator's log\n{tail(emulator.log)}", flush=True)
        return 1
    finally:
        if emulator:
            emulator.stop()
        shutil.rmtree(folder, ignore_errors=True)
    total = steps.summary()
    if total > MOST_SECONDS:
        print(f"\nFAILED: the test took {total:.0f} s, more than {MOST_SECONDS} s", flush=True)
        return 1
    return 0


def deploy(steps: Steps, folder: Path, issuer: oidc.Issuer, emulator: Emulator, options):
    """Deploys, tests and destroys."""
    if options.previous:
        with steps.step("upgrade from the release before"):
            upgrade.run(options.previous.resolve(), INFRA, folder, variables(issuer), emulator)
        return
    with steps.step("init"):
        terraform_copy(INFRA, folder / "infra", emulator.endpoint, emulator.ca)
        terraform = Terraform(folder / "infra", variables(issuer))
    if options.plan_only:
        with steps.step("plan"):
            plan(terraform, folder, options.plan)
        return
    with steps.step("plans of the examples"):
        certificate = "arn:aws:acm:eu-central-1:000000000000:certificate/1"
        for example, told in {"minimal": {}, "complete": {"certificate_arn": certificate}}.items():
            terraform_of_it = Terraform(folder / "infra" / "examples" / example, told)
            said = terraform_of_it.plan(f"-out={folder / 'plan'}").stdout
            say(f"{example}: {next(line for line in said.splitlines() if line.startswith('Plan:'))}")
            if options.plan:
                terraform_of_it.show(folder / "plan", options.plan.resolve().with_stem(f"{options.plan.stem}.{example}"))
    with steps.step("bad input"):
        bad_input.run(terraform)
    with steps.step("apply, interrupted half-way"):
        say(terraform.interrupt_apply(after=40))
    with steps.step("apply"):
        say(terraform.apply())
    with steps.step("apply again"):
        said = terraform.apply()
        say(said)
        check("0 added, 0 changed, 0 destroyed" in said, "the second apply changed something")
    with steps.step("plan: no changes"):
        plan(terraform, folder, options.plan, "-detailed-exitcode")
        say("exit code 0")
    outputs = terraform.outputs()
    shop = Shop(Web(emulator.ca), outputs["api_url"], issuer.token("anna"))
    with steps.step("the main job"):
        main_job.run(shop, emulator, outputs)
    with steps.step("synchronous jobs, requests made twice"):
        direct.run(shop, emulator)
        direct.twice(shop)
    with steps.step("reports of SES, events for the shop"):
        reports.run(shop, emulator)
    with steps.step("profile and logo of the studio"):
        studio.run(shop)
    with steps.step("photos developed again, and deleted"):
        rework.run(shop, emulator, outputs)
    with steps.step("orders and a customer erased"):
        erasure.run(shop, emulator, outputs)
    with steps.step("refusals"):
        refusals.tokens(shop, issuer)
        refusals.preflights(shop, emulator, outputs)
        refusals.strangers(shop, issuer)
        refusals.machines(shop, issuer)
        refusals.roles(emulator, outputs)
    with steps.step("poison messages"):
        failures.poison(emulator, outputs)
    with steps.step("failed jobs"):
        failed_jobs.run(shop, issuer, emulator, outputs)
    with steps.step("a queue paused and resumed"):
        pauses.run(shop, issuer, emulator, terraform)
    with steps.step("sweeps"):
        failures.sweep(emulator, outputs)
    with steps.step("a crash in a worker"):
        failures.crash(shop, emulator, outputs)
    with steps.step("destroy"):
        say(terraform.destroy())
        left = leftovers.find(emulator)
        check(not left, f"left behind: {left}")
        say("nothing is left")


def variables(issuer: oidc.Issuer) -> dict:
    """Returns the variables of infra."""
    return {
        "name_prefix": "dk-test",
        # The emulator runs functions as processes of this machine.
        "architecture": "x86_64",
        "jwt_issuer": issuer.url,
        "jwt_audience": [oidc.AUDIENCE],
        "machine_clients": {oidc.MACHINE: "anna"},
        "sender_address": "photos@example.com",
        "mail_domain": "example.com",
        "cors_origins": ["https://shop.example.com"],
        # Short, because the test waits for retries.
        "retry_backoff_seconds": 1,
        "deletion_protection": False,
        # No order is that old, but the archive builder runs the check.
        "personal_data_retention_days": 3650,
        # The emulator rejects FULL_OBJECT checksums of multipart uploads, and returns none for copied parts.
        "archive_checksums": "none",
    }


def plan(terraform: Terraform, folder: Path, into: Path | None, *arguments: str):
    """Plans, and writes the plan to the given path."""
    terraform.plan(f"-out={folder / 'plan'}", *arguments)
    if into:
        terraform.show(folder / "plan", into.resolve())
        say(f"written to {into}")


def tail(log: Path, lines: int = 60) -> str:
    """Returns the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    sys.exit(main())
