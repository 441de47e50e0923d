"""An upgrade: infra of the release before is applied, then the plan of this one is looked at and applied."""

import json
import shutil
from pathlib import Path

from emulator import Emulator
from steps import check, say
from terraform import Terraform
from terraform import copy as terraform_copy

# What holds data: never destroyed, never replaced.
KEPT = ["aws_dynamodb_table", "aws_s3_bucket", "aws_sqs_queue", "aws_cognito_user_pool", "aws_ssm_parameter"]


def run(previous: Path, infra: Path, folder: Path, variables: dict, emulator: Emulator):
    """Applies `previous`, plans and applies `infra` upon its state, and destroys it."""
    before = applied(previous, folder / "previous", variables, emulator)
    after = folder / "infra"
    terraform_copy(infra, after, emulator.endpoint, emulator.ca)
    shutil.copy(before.folder / "terraform.tfstate", after)
    terraform = Terraform(after, variables)
    plan, shown = folder / "upgrade", folder / "upgrade.json"
    terraform.plan(f"-out={plan}")
    terraform.show(plan, shown)
    changes = json.loads(shown.read_text())["resource_changes"]
    gone = [change["address"] for change in changes if "delete" in change["change"]["actions"]]
    lost = [address for address in gone if any(f"{kind}." in address for kind in KEPT)]
    check(not lost, f"the upgrade destroys or replaces {lost}")
    say(f"{len(gone)} resources are destroyed or replaced: {', '.join(gone) or 'none'}")
    say(terraform.apply())
    terraform.plan("-detailed-exitcode")
    say(terraform.destroy())


def applied(infra: Path, to: Path, variables: dict, emulator: Emulator) -> Terraform:
    """Applies infra as it was."""
    terraform_copy(infra, to, emulator.endpoint, emulator.ca)
    terraform = Terraform(to, variables)
    say(f"the release before: {terraform.apply()}")
    return terraform
