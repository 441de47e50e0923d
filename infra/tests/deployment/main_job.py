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


def run(shop: Shop, emulator: Emulator):
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
    fetched = shop.web.request("POST", link)
    check(fetched.status == 303, f"POST to the link answered {fetched.status}: {fetched.body[:500]}")
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
