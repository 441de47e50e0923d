"""Uploads with the S3 clients of photographers, and checks by the API what became of each file.

    uploaders.py --api API --s3 S3 --server PID --work FOLDER [--photos COUNT --megabytes SIZE]

Each upload goes to a studio of its own. The snippets of `docs/UPLOADS.md` are run as they stand there.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import files
from darkroom import Darkroom
from door import BUCKET, Door, Moment, check_rights
from files import Expected

DOCUMENT = Path("docs/UPLOADS.md")
BIN = Path(sys.executable).parent
#: Longer than a client takes with these folders.
CLIENT_SECONDS = 120


def snippets() -> dict[str, str]:
    """Returns the marked snippets of the document by name."""
    marked = r"<!-- tests/uploaders: ([\w-]+) -->\n```\w*\n(.*?)```"
    return dict(re.findall(marked, DOCUMENT.read_text(), re.DOTALL))


class Run:
    """The system, the door before its S3, and a folder of files."""

    def __init__(self, options):
        self.darkroom = Darkroom(options.api)
        self.s3 = options.s3
        self.work = options.work
        self.door = Door(options.s3, options.work)
        self.snippets = snippets()
        self.unused = set(self.snippets)
        self.folder = options.work / "export"

    def environment(self, studio: str, folder: Path) -> dict[str, str]:
        """Returns the variables of a photographer's machine."""
        return os.environ | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.door.address,
            "AWS_CA_BUNDLE": str(self.door.certificates),
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "RCLONE_CONFIG": str(self.work / "rclone.conf"),
            "RCLONE_CONFIG_DARKROOM_ENDPOINT": self.door.address,
            "RCLONE_CA_CERT": str(self.door.certificates),
            "BUCKET": BUCKET,
            "STUDIO": studio,
            "EXPORT": str(folder.resolve()),
        }

    def snippet(self, name: str) -> str:
        self.unused.discard(name)
        if name not in self.snippets:
            raise SystemExit(f"{DOCUMENT} has no snippet {name}")
        return self.snippets[name]

    def shell(self, script: str, studio: str, folder: Path | None = None):
        """Runs a script, and returns what it has printed if it succeeds."""
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command,
            env=self.environment(studio, folder or self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CLIENT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{studio}: {script}\nended with {done.returncode}:\n{done.stdout[-2000:]}")
        return done.stdout

    def incoming(self, studio: str) -> set[str]:
        """Returns the paths that lie under the studio's prefix, seen by the owner of the bucket."""
        pages = client(self.s3).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"incoming/{studio}/")
        keys = (item["Key"] for page in pages for item in page.get("Contents", []))
        return {key.removeprefix(f"incoming/{studio}/") for key in keys}

    def check(self, studio: str, expected: dict[str, Expected], folder: Path | None = None) -> list[dict]:
        """Fails unless the studio has these photos, each once, with these bytes. Returns them."""
        folder = folder or self.folder
        photos = self.darkroom.at_rest(studio)
        found = {}
        for photo in photos:
            path = "/".join(filter(None, (photo["folder"], photo["filename"])))
            if path in found:
                raise SystemExit(f"{studio}: two photos of {path}")
            found[path] = photo
        wanted = {path for path, kind in expected.items() if kind.status != "ignored"}
        if set(found) != wanted:
            raise SystemExit(f"{studio}: missing {wanted - set(found)}, unexpected {set(found) - wanted}")
        for path, photo in found.items():
            check_photo(studio, path, photo, expected[path], folder)
        # Photos that are ready have left; refused files and those of operating systems stay for their time.
        stays = {path for path, kind in expected.items() if kind.status != "ready"}
        if (lie := self.incoming(studio)) != stays:
            raise SystemExit(f"{studio}: under incoming/ {lie - stays} should be gone, {stays - lie} should be there")
        return photos

    def upload(self, name: str, upload, expected: dict[str, Expected], again: int | None):
        """Uploads a folder twice and checks it. `again` is the number of files that the repetition stores, `None` if the
        upload does not go through the door.
        """
        started = time.monotonic()
        self.door.open_for(name)
        upload(name)
        first = self.check(name, expected)
        stored = len(self.door.stored)
        self.door.stored = []
        upload(name)
        second = self.check(name, expected)
        if identities(first) != identities(second):
            raise SystemExit(f"{name}: the repetition changed photos: {identities(first)} {identities(second)}")
        repeated = len(self.door.stored)
        if self.door.refused:
            raise SystemExit(f"{name}: an uploader has no right to {sorted(set(self.door.refused))}")
        if again is not None and repeated != again:
            raise SystemExit(f"{name}: the repetition stored {repeated} files, not {again}")
        failed = sum(photo["status"] == "failed" for photo in second)
        counts = "" if again is None else f"; files stored: {stored}, by the repetition {repeated}"
        seconds = time.monotonic() - started
        print(f"{name:24} {seconds:5.1f} s  {len(second)} photos, {failed} of them failed{counts}", flush=True)


def identities(photos: list[dict]) -> dict:
    """Returns what a repeated upload leaves as it is. A failed photo is processed again if its file is stored again."""
    return {photo["id"]: photo["attempts"] if photo["status"] == "ready" else photo["status"] for photo in photos}


def check_photo(studio: str, path: str, photo: dict, kind: Expected, folder: Path):
    """Fails unless the photo is what was expected of its file."""
    error = photo["error"] or {}
    if photo["status"] != kind.status:
        raise SystemExit(f"{studio}: {path} is {photo['status']}: {error}")
    if kind.status == "failed":
        message = error.get("message", "")
        if error.get("code") != kind.detail or " " not in message or not message.endswith("."):
            raise SystemExit(f"{studio}: {path} failed as {error}, not as {kind.detail} with a sentence")
        return
    if photo["sha256"] != files.sha256(folder / path):
        raise SystemExit(f"{studio}: the original of {path} differs from the file")
    is_without_pictures = photo["derivatives"] == "unsupported_format"
    if is_without_pictures != bool(kind.detail) or (kind.detail and photo["content_type"] != kind.detail):
        raise SystemExit(f"{studio}: {path} is {photo['content_type']}, {photo['derivatives']}")


def client(endpoint: str, **options):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
        **options,
    )


def by_upload_file(run: Run, studio: str):
    """Uploads by boto3 in parts of 5 MiB."""
    s3 = client(run.door.address, verify=str(run.door.certificates))
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    for path in run.folder.rglob("*"):
        if path.is_file():
            key = f"incoming/{studio}/{path.relative_to(run.folder).as_posix()}"
            s3.upload_file(str(path), BUCKET, key, Config=config)


def by_put_object(run: Run, studio: str):
    s3 = client(run.door.address, verify=str(run.door.certificates))
    for path in run.folder.rglob("*"):
        if path.is_file():
            key = f"incoming/{studio}/{path.relative_to(run.folder).as_posix()}"
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())


def interrupted(run: Run):
    """Kills `aws s3 cp` of a large file at three moments, and repeats it."""
    path = "groß/kommentar.jpg"
    source = run.folder / path
    moments = {
        "killed-with-parts": Moment("UploadPart", done=True),
        "killed-at-its-end": Moment("CompleteMultipartUpload"),
        "killed-without-answer": Moment("CompleteMultipartUpload", done=True),
    }
    for studio, moment in moments.items():
        run.door.open_for(studio)
        run.door.moment = moment
        target = f"s3://{BUCKET}/incoming/{studio}/{path}"
        command = [str(BIN / "aws"), "s3", "cp", "--only-show-errors", str(source), target]
        process = subprocess.Popen(command, env=run.environment(studio, run.folder))
        if not moment.reached.wait(30):
            raise SystemExit(f"{studio}: {moment.operation} was never asked for")
        process.send_signal(signal.SIGKILL)
        process.wait()
        run.door.moment = None
        moment.killed.set()
        run.darkroom.at_rest(studio)
        run.shell(f'aws s3 cp --only-show-errors "$EXPORT/{path}" "s3://$BUCKET/incoming/$STUDIO/{path}"', studio)
        run.check(studio, {path: files.PHOTO})
        print(f"{studio:24} killed at {moment.operation}, repeated: one photo", flush=True)


def moved(run: Run, expected: dict[str, Expected]):
    """`rclone move` takes each file out of the folder, so that a repetition sends new ones only."""
    outbox = run.work / "outbox"
    shutil.copytree(run.folder, outbox)
    run.door.open_for("rclone-move")
    run.shell(run.snippet("rclone-move"), "rclone-move", outbox)
    run.check("rclone-move", expected)
    if left := [path for path in outbox.rglob("*") if path.is_file()]:
        raise SystemExit(f"rclone-move left {left}")
    files.write(outbox, {"new.jpg": files.picture(100, 80)})
    shutil.copy(outbox / "new.jpg", run.folder / "new.jpg")
    run.door.open_for("rclone-move")
    run.shell(run.snippet("rclone-move"), "rclone-move", outbox)
    run.check("rclone-move", expected | {"new.jpg": files.PHOTO})
    if run.door.stored != ["incoming/rclone-move/new.jpg"] or run.door.refused:
        raise SystemExit(f"rclone-move stored {run.door.stored}, was refused {run.door.refused}")
    (run.folder / "new.jpg").unlink()
    print("rclone-move              moved everything; the repetition sent the new file only", flush=True)


def duplicate(run: Run):
    """The same photo in another folder is another photo, which names the first."""
    run.door.open_for("duplicate")
    for folder in ("one", "two"):
        target = f'"s3://$BUCKET/incoming/$STUDIO/{folder}/a.jpg"'
        run.shell(f'aws s3 cp --only-show-errors "$EXPORT/IMG 0001 (2).jpg" {target}', "duplicate")
        run.darkroom.at_rest("duplicate")
    first, second = run.darkroom.photos("duplicate")
    if (first["duplicate_of"], second["duplicate_of"]) != (None, first["id"]):
        raise SystemExit(f"duplicate_of: {first}, {second}")
    print("duplicate                names the older photo", flush=True)


def folder_order(run: Run, studio: str):
    """A folder is listed and ordered by its name."""
    folder = "Hochzeit/Müller & Söhne"
    order = {
        "reference": "2026-1017",
        "customer": {"name": "Eva Beispiel", "email": "eva@example.com"},
        "folder": folder,
        "expected_count": 1,
    }
    ordered = run.darkroom.send("POST", "/orders", f"dev:{studio}", order)
    if len(ordered["photo_ids"]) != 1:
        raise SystemExit(f"the order of a folder: {ordered}")
    print("folder                   ordered by its name", flush=True)


def quick(run: Run):
    expected = files.export(run.folder)
    ready = sum(kind.status == "ready" for kind in expected.values())
    endpoint = f"--endpoint-url {run.s3} --only-show-errors"
    target = '"s3://$BUCKET/incoming/$STUDIO/"'
    (run.work / "rclone.conf").write_text(
        run.snippet("rclone-conf") + f"\n[other]\ntype = s3\nprovider = Other\nendpoint = {run.s3}\n"
        "access_key_id = test\nsecret_access_key = test\nno_check_bucket = true\nno_head = true\n"
    )
    shell = lambda script: lambda studio: run.shell(script, studio)
    # As the document says; over TLS, with the rights of an uploader. What is ready has left, so that it is sent again.
    run.upload("aws-sync", shell(run.snippet("aws-sync")), expected, ready)
    run.upload("aws-cp", shell(run.snippet("aws-cp")), expected, len(expected))
    run.upload("rclone-copy", shell(run.snippet("rclone-copy")), expected, len(expected))
    rclone = 'rclone copy "$EXPORT" "darkroom:$BUCKET/incoming/$STUDIO/"'
    run.upload("rclone-ignore-existing", shell(f"{rclone} --ignore-existing"), expected, ready)
    parts = "--no-check-dest --s3-upload-cutoff 5Mi --s3-chunk-size 5Mi"
    run.upload("rclone-parts", shell(f"{rclone} {parts}"), expected, len(expected))
    moved(run, expected)
    script = f"python - <<'SNIPPET'\n{run.snippet('boto3')}SNIPPET"
    run.upload("boto3", shell(script), expected, len(expected))
    run.upload("boto3-parts", lambda studio: by_upload_file(run, studio), expected, len(expected))
    run.upload("boto3-put-object", lambda studio: by_put_object(run, studio), expected, len(expected))
    # Directly at the stand-in, which the door does not count.
    run.upload("aws-sync-stand-in", shell(f'aws s3 sync {endpoint} "$EXPORT" {target}'), expected, None)
    run.upload("rclone-sync-stand-in", shell('rclone sync "$EXPORT" "other:$BUCKET/incoming/$STUDIO/"'), expected, None)
    interrupted(run)
    duplicate(run)
    folder_order(run, "aws-sync")
    if run.unused:
        raise SystemExit(f"nothing runs the snippets {sorted(run.unused)} of {DOCUMENT}")


def memory_mib(pid: int) -> int:
    """Returns the most memory that the process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


def large(run: Run, count: int, megabytes: float, server: int):
    """One folder by `aws s3 sync`, twice."""
    size = int(megabytes * 1_000_000)
    needed, free = 3 * count * size, shutil.disk_usage(run.work).free
    if needed > free:
        raise SystemExit(f"{count} photos need {needed >> 30} GiB of disk, {free >> 30} GiB are free")
    started = time.monotonic()
    files.many(run.folder, count, size)
    print(f"{count} photos of {megabytes} MB written in {time.monotonic() - started:.0f} s", flush=True)
    studio, before = "large", {}
    script = f'aws s3 sync --endpoint-url {run.s3} --only-show-errors "$EXPORT" "s3://$BUCKET/incoming/$STUDIO/"'
    for attempt in ("first", "second"):
        started = time.monotonic()
        subprocess.run(["bash", "-c", script], env=run.environment(studio, run.folder), check=True)
        uploaded = time.monotonic() - started
        photos = run.darkroom.at_rest(studio, patience=max(600, 10 * count))
        seconds = time.monotonic() - started
        failed = [photo for photo in photos if photo["status"] == "failed"]
        if silent := [photo for photo in failed if not photo["error"]["message"].endswith(".")]:
            raise SystemExit(f"failed without a sentence: {silent[0]}")
        paths = {f"{photo['folder']}/{photo['filename']}" for photo in photos}
        if not len(photos) == len(paths) == count:
            raise SystemExit(f"{len(photos)} photos of {len(paths)} files; there were {count} files")
        if before and identities(photos) != before:
            raise SystemExit("the repetition changed photos")
        before = identities(photos)
        print(
            f"{attempt} sync: uploaded in {uploaded:.0f} s, all at rest after {seconds:.0f} s: {len(photos) - len(failed)} "
            f"ready, {len(failed)} failed; the server has had {memory_mib(server)} MiB",
            flush=True,
        )
    for photo in photos:
        path = f"{photo['folder']}/{photo['filename']}"
        if photo["status"] == "ready" and photo["sha256"] != files.sha256(run.folder / path):
            raise SystemExit(f"the original of {path} differs from the file")
    if lie := run.incoming(studio):
        raise SystemExit(f"{len(lie)} objects lie under incoming/")
    print("all originals equal the files, and nothing lies under incoming/")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--api", required=True)
    arguments.add_argument("--s3", required=True)
    arguments.add_argument("--server", type=int, required=True)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--photos", type=int)
    arguments.add_argument("--megabytes", type=float, default=8)
    options = arguments.parse_args()
    check_rights(Path("infra/iam.tf").read_text())
    run = Run(options)
    try:
        if options.photos:
            large(run, options.photos, options.megabytes, options.server)
        else:
            quick(run)
    finally:
        shutil.rmtree(run.folder, ignore_errors=True)


main()
