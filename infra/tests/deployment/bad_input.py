"""Invalid values: each must fail the plan with a sentence."""

import json

from steps import check, say
from terraform import Terraform

# The functions' own preconditions find these. `terraform test` cannot name such conditions.
BAD = ["-var=packages_dir=/nowhere", "-var=reserved_concurrency={ photo-processor = 21 }"]


def run(terraform: Terraform):
    """Runs the tests of *.tftest.hcl, and those that these cannot express."""
    passed = terraform.run("test").stdout.strip().splitlines()[-1]
    say(f"terraform test: {passed}")
    refused(
        terraform,
        *BAD,
        sentences=[
            "There is no package /nowhere/photo-processor/bootstrap.zip",
            "dk-test-photo-processor must be 22 or more",
        ],
    )
    table = terraform.folder / "workers.json"
    good = table.read_text()
    workers = json.loads(good)
    workers["downloads"]["healthy"]["waiting"] = 0
    table.write_text(json.dumps(workers))
    refused(terraform, sentences=["healthy in workers.json must have waiting and oldest_seconds above 0"])
    table.write_text(good)


def refused(terraform: Terraform, *arguments: str, sentences: list[str]):
    """Checks that the plan fails with all of these sentences."""
    said = " ".join(terraform.plan("-refresh=false", "-lock=false", *arguments, codes=(1,)).stderr.split())
    for sentence in sentences:
        check(sentence in said, f"the plan did not say {sentence!r}: {said}")
        say(f"refused: {sentence}")
