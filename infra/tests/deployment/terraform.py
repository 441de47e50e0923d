"""Terraform on a copy of infra, pointed at the emulator. TF_CLI_ARGS_init may name a provider mirror for `init`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from steps import check

HERE = Path(__file__).parent


class Terraform:
    """One working copy with one state."""

    def __init__(self, infra: Path, folder: Path, variables: dict, endpoint: str, ca: str):
        shutil.copytree(infra, folder, ignore=shutil.ignore_patterns(".terraform*", "examples", "tests", "terraform.tfstate*"))
        self.folder = folder
        override = (HERE / "emulator_override.tf.in").read_text()
        (folder / "emulator_override.tf").write_text(override.replace("ENDPOINT", endpoint).replace("CA_BUNDLE", ca))
        shutil.copytree(infra / "tests", folder / "tests", ignore=shutil.ignore_patterns("deployment"))
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        self.run("init", "-input=false")

    def run(self, *arguments: str, codes=(0,)) -> subprocess.CompletedProcess:
        """One command; any other exit code than these is a failure that shows what was said."""
        environment = os.environ | {"TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color", "AWS_EC2_METADATA_DISABLED": "true"}
        command, *rest = arguments
        done = subprocess.run(
            ["terraform", f"-chdir={self.folder}", command, *rest], env=environment, capture_output=True, text=True
        )
        said = f"{done.stdout}\n{done.stderr}"
        check(done.returncode in codes, f"terraform {command} ended with {done.returncode}:\n{said}")
        return done

    def apply(self) -> str:
        """Applies; the line that says how much was done."""
        said = self.run("apply", "-auto-approve", "-input=false").stdout
        return next(line for line in said.splitlines() if line.startswith("Apply complete"))

    def plan(self, *arguments: str, codes=(0,)) -> subprocess.CompletedProcess:
        """Plans."""
        return self.run("plan", "-input=false", *arguments, codes=codes)

    def show(self, plan: Path, into: Path):
        """Writes a plan as JSON."""
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(self.run("show", "-json", str(plan)).stdout)

    def outputs(self) -> dict:
        """Name -> value."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}

    def destroy(self) -> str:
        """Destroys; the line that says how much."""
        said = self.run("destroy", "-auto-approve", "-input=false").stdout
        return next(line for line in said.splitlines() if line.startswith("Destroy complete"))
