"""Variables that can't be used: each must fail the plan with a sentence."""

from steps import check, say
from terraform import Terraform

# Found by the functions that they concern, whose conditions `terraform test` can't name.
BAD = ["-var=packages_dir=/nowhere", "-var=reserved_concurrency={ photo-processor = 21 }"]


def run(terraform: Terraform):
    """The tests of variables.tftest.hcl, and what those can't see."""
    passed = terraform.run("test").stdout.strip().splitlines()[-1]
    say(f"variables.tftest.hcl: {passed}")
    refused = " ".join(terraform.plan("-refresh=false", "-lock=false", *BAD, codes=(1,)).stderr.split())
    for sentence in [
        "There is no package /nowhere/photo-processor/bootstrap.zip",
        "dk-test-photo-processor must be 22 or more",
    ]:
        check(sentence in refused, f"the plan did not say {sentence!r}: {refused}")
        say(f"refused: {sentence}")
