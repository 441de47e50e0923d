"""Terraform on a copy of infra that uses the emulator. TF_CLI_ARGS_init may name a provider mirror for `init`."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from steps import check

HERE = Path(__file__).parent


def copy(infra: Path, to: Path, endpoint: str, ca: str):
    """Copies infra with its examples and tests; only the copy refers to the emulator."""
    ignored = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "deployment")
    shutil.copytree(infra, to, ignore=ignored)
    provider = (HERE / "provider_override.tf.in").read_text().replace("ENDPOINT", endpoint).replace("CA_BUNDLE", ca)
    for folder in (to, *(to / "examples").iterdir()):
        (folder / "provider_override.tf").write_text(provider)
    # Its own, since an earlier release has other names to override.
    shutil.copy(infra / HERE.relative_to(HERE.parents[1]) / "exceptions_override.tf.in", to / "exceptions_override.tf")


class Terraform:
    """One root module with one state and these variables."""

    def __init__(self, folder: Path, variables: dict):
        self.folder = folder
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables))
        self.run("init", "-input=false")

    def start(self, *arguments: str) -> subprocess.Popen:
        """Starts a command."""
        environment = os.environ | {"TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color"}
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str, codes=(0,)) -> subprocess.CompletedProcess:
        """Runs one command. Any other exit code than these is a failure that shows the output."""
        process = self.start(*arguments)
        out, errors = process.communicate()
        check(
            process.returncode in codes, f"terraform {arguments[0]} ended with {process.returncode}:\n{out}\n{errors}"
        )
        return subprocess.CompletedProcess(arguments, process.returncode, out, errors)

    def interrupt_apply(self, after: int) -> str:
        """Applies, and interrupts after the given number of resources. Returns the exit code."""
        process = self.start("apply", "-auto-approve", "-input=false")
        made = 0
        for line in process.stdout:
            made += "Creation complete" in line
            if made == after:
                process.send_signal(signal.SIGINT)
                break
        process.communicate()
        check(process.returncode != 0, "the interrupted apply was not interrupted")
        return f"interrupted after {made} resources: exit code {process.returncode}"

    def apply(self) -> str:
        """Applies. Returns the line with the number of changes."""
        return self.last_word("apply", "Apply complete")

    def destroy(self) -> str:
        """Destroys. Returns the line with the number of resources."""
        return self.last_word("destroy", "Destroy complete")

    def last_word(self, command: str, begins: str) -> str:
        """Runs a command that needs approval. Returns the line of its output with this beginning."""
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
        """Returns the outputs: name -> value."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}
