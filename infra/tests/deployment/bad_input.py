"""Values that can't be used: each must fail the plan with a sentence."""

import json

from steps import check, say
from terraform import Terraform

# Found by the functions that they concern, whose conditions `terraform test` can't name.
BAD = ["-var=packages_dir=/nowhere", "-var=reserved_concurrency={ photo-processor = 21 }"]


def run(terraform: Terraform):
    """The tests of *.tftest.hcl, and what those can't see."""
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
    """The plan fails, and says all of these."""
    said = " ".join(terraform.plan("-refresh=false", "-lock=false", *arguments, codes=(1,)).stderr.split())
    for sentence in sentences:
        check(sentence in said, f"the plan did not say {sentence!r}: {said}")
        say(f"refused: {sentence}")
