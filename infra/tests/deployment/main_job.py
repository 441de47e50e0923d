"""The main workflow over HTTP: photos in, email out, the ZIP compared byte for byte."""

import io
import re
import zipfile

import photos
from emulator import Emulator
from shop import Shop
from steps import check, say, wait_for

CUSTOMER = "customer@example.net"


def emailed_link(emulator: Emulator, api: str, to: str) -> str:
    """Returns the link of the email to this customer, or None before there is one."""

    def probe():
        for email in emulator.emails():
            found = re.search(re.escape(api) + r"/d/[A-Za-z0-9_-]+", str(email).replace("&#x2f;", "/"))
            if to in str(email) and found:
                return found.group()
        return None

    return wait_for(f"an email with a link to {to}", 60, probe)


def stored(shop: Shop, emulator: Emulator, outputs: dict):
    """Stores a photo with an S3 client and waits for its record."""
    bucket, content = outputs["buckets"]["photos"], photos.jpeg(*next(iter(photos.SHOTS.values())))
    s3, prefix = emulator.client("s3"), "incoming/anna/by s3+client"
    s3.put_object(Bucket=bucket, Key=f"{prefix}/ü.jpg", Body=content)

    def probe():
        items = shop.ask("GET", "/photos?folder=by%20s3%2Bclient")["items"]
        return items[0] if items and items[0]["status"] == "ready" else None

    photo = wait_for("the photo of an S3 client", 120, probe)
    check(photo["filename"] == "ü.jpg" and photo["size_bytes"] == len(content), f"it is another photo: {photo}")
    left = wait_for("the upload's deletion", 30, lambda: "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=prefix))
    check(left, "the upload is left")
    say("a photo stored by an S3 client under incoming/ is ready, and its upload is gone")


def run(shop: Shop, emulator: Emulator, outputs: dict):
    """Performs the whole workflow once."""
    originals = {name: photos.jpeg(*shot) for name, shot in photos.SHOTS.items()}
    ids = {name: shop.upload(name, content) for name, content in originals.items()}
    for name, photo in ids.items():
        record = shop.wait(f"/photos/{photo}")
        width, height, _ = photos.SHOTS[name]
        check((record["width"], record["height"]) == (width, height), f"{name} has other dimensions: {record}")
        check(record["exif"]["make"] == "Darkroom", f"{name} has other EXIF: {record}")
        preview = shop.web.request("GET", record["derivatives"]["preview"]["url"])
        check(
            preview.status == 200 and preview.body[:2] == b"\xff\xd8",
            f"the preview of {name} is no JPEG: {preview.status}",
        )
    say(f"{len(ids)} photos uploaded and developed, {sum(map(len, originals.values())) / 1e6:.1f} MB")
    stored(shop, emulator, outputs)

    order = {
        "reference": "Hochzeit 7",
        "customer": {"name": "Käthe", "email": CUSTOMER, "locale": "de"},
        "photo_ids": list(ids.values()),
    }
    order = shop.ask("POST", "/orders", order)
    made = shop.ask("POST", f"/orders/{order['id']}/downloads", {"kind": "batch"})
    download = shop.wait(f"/downloads/{made['download']['id']}")
    say(f"archive ready: {download['file_size_bytes']} bytes")

    link = emailed_link(emulator, shop.api, CUSTOMER)
    page = shop.web.request("GET", link)
    check(page.status == 200 and b"<html" in page.body, f"the customer's page answered {page.status}")
    started = shop.web.request("POST", link)
    check(started.status == 303, f"POST to the link answered {started.status}: {started.body[:500]}")
    fetched = shop.web.request("GET", started.headers["location"])
    check(fetched.status == 303, f"GET of the ticket answered {fetched.status}: {fetched.body[:500]}")
    archive = shop.web.request("GET", fetched.headers["location"])
    check(archive.status == 200, f"the archive's URL answered {archive.status}: {archive.body[:500]}")
    check(len(archive.body) == download["file_size_bytes"], "the archive has another size than announced")
    compare(archive.body, originals)
    counted = shop.ask("GET", f"/downloads/{download['id']}")["download_count"]
    check(counted == 1, f"{counted} downloads were counted")
    say(f"the emailed link opened the ZIP; {len(originals)} files are the originals, byte for byte")


def compare(archive: bytes, originals: dict[str, bytes]):
    """Checks that the ZIP contains each original unchanged, and nothing else but the manifest."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        check(packed.testzip() is None, "a file in the ZIP is damaged")
        found = {entry.rsplit("/", 1)[-1]: packed.read(entry) for entry in packed.namelist()}
    found.pop("manifest.json")
    check(found.keys() == originals.keys(), f"the ZIP holds {sorted(found)}, not {sorted(originals)}")
    for name, content in originals.items():
        check(found[name] == content, f"{name} is not what was uploaded")
