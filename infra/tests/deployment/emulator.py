"""ministack as a child process, with IAM enforced, over TLS; and the functions that it runs as its own children."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.config import Config

from steps import check, wait_for
from web import Web

REGION = "us-east-1"


def free_port() -> int:
    """Returns a free loopback port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Emulator:
    """The emulator, with its log in `folder`; a context manager that always stops it at the end."""

    def __init__(self, folder: Path, ca: Path, certificate: Path, key: Path):
        self.port = free_port()
        self.endpoint = f"https://127.0.0.1:{self.port}"
        self.ca = str(ca)
        self.log = folder / "emulator.log"
        scratch = folder / "emulator"
        scratch.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(certificate),
            "MINISTACK_SSL_KEY": str(key),
            # Listeners of unused services, whose ports may belong to other processes.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # This variable and the next one are passed on to the functions.
            "AWS_ENDPOINT_URL": self.endpoint,
            "SSL_CERT_FILE": self.ca,
        }
        patched = Path(__file__).with_name("emulator_patch.py")
        self.process = subprocess.Popen(
            [sys.executable, str(patched)],
            env=environment,
            cwd=scratch,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        wait_for("the emulator answers", 30, self.answers)

    def answers(self) -> bool:
        """Returns whether the emulator is up."""
        check(self.process.poll() is None, f"the emulator ended; see {self.log}")
        try:
            return Web(self.ca).request("GET", f"{self.endpoint}/_ministack/health").status == 200
        except Exception:
            return False

    def client(self, service: str, credentials: dict | None = None):
        """Returns a client of one of its services, for the administrator or with other credentials."""
        credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        return boto3.client(
            service, endpoint_url=self.endpoint, verify=self.ca, region_name=REGION, config=config, **credentials
        )

    def emails(self) -> list[dict]:
        """Returns all emails that SES accepted."""
        found = Web(self.ca).request("GET", f"{self.endpoint}/_ministack/ses/messages").json()
        return [email for emails in found["messages"].values() for email in emails]

    def processes(self, function: str) -> dict[int, dict]:
        """Returns the function's processes: pid -> environment."""
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                variables = (folder / "environ").read_bytes().split(b"\0")
            except (OSError, ValueError, IndexError):
                continue
            environment = dict(entry.decode().split("=", 1) for entry in variables if b"=" in entry)
            if parent == self.process.pid and environment.get("AWS_LAMBDA_FUNCTION_NAME") == function:
                found[int(folder.name)] = environment
        return found

    def kill(self, function: str) -> int:
        """Sends SIGKILL to all processes of the function. Returns their number."""
        pids = list(self.processes(function))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def credentials(self, function: str) -> dict:
        """Returns the credentials of the function's calls: a session of its role."""
        environments = list(self.processes(function).values())
        check(environments, f"no process of {function} is running")
        return {
            "aws_access_key_id": environments[0]["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environments[0]["AWS_SECRET_ACCESS_KEY"],
            "aws_session_token": environments[0]["AWS_SESSION_TOKEN"],
        }

    def stop(self):
        """Ends the emulator and its functions."""
        children = [
            pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent_of(pid) == self.process.pid
        ]
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def parent_of(pid: int) -> int:
    """Returns the process's parent, or 0 when the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0
