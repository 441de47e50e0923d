"""Terraform on a copy of infra, pointed at the emulator. TF_CLI_ARGS_init may name a provider mirror for `init`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from steps import check

HERE = Path(__file__).parent


def copy(infra: Path, to: Path, endpoint: str, ca: str):
    """Copies infra with its examples and tests; only the copy knows the emulator."""
    ignored = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "deployment")
    shutil.copytree(infra, to, ignore=ignored)
    provider = (HERE / "provider_override.tf.in").read_text().replace("ENDPOINT", endpoint).replace("CA_BUNDLE", ca)
    for folder in (to, *(to / "examples").iterdir()):
        (folder / "provider_override.tf").write_text(provider)
    shutil.copy(HERE / "exceptions_override.tf.in", to / "exceptions_override.tf")


class Terraform:
    """One root module with one state, told these variables."""

    def __init__(self, folder: Path, variables: dict):
        self.folder = folder
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        self.run("init", "-input=false")

    def run(self, *arguments: str, codes=(0,)) -> subprocess.CompletedProcess:
        """One command; any other exit code than these is a failure that shows what was said."""
        environment = os.environ | {"TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color"}
        command, *rest = arguments
        done = subprocess.run(
            ["terraform", f"-chdir={self.folder}", command, *rest], env=environment, capture_output=True, text=True
        )
        said = f"{done.stdout}\n{done.stderr}"
        check(done.returncode in codes, f"terraform {command} ended with {done.returncode}:\n{said}")
        return done

    def apply(self) -> str:
        """Applies; the line that says how much was done."""
        return self.last_word("apply", "Apply complete")

    def destroy(self) -> str:
        """Destroys; the line that says how much."""
        return self.last_word("destroy", "Destroy complete")

    def last_word(self, command: str, begins: str) -> str:
        """Runs what asks for approval; the line of its output that begins so."""
        said = self.run(command, "-auto-approve", "-input=false").stdout
        return next(line for line in said.splitlines() if line.startswith(begins))

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
