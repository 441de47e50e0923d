"""Downloads hostile names with the clients of customers, and compares what each saves.

    names.py --api API --work FOLDER

Each name is that of the file in the ZIP, that of the response's `filename*`, and that of the saved file in every client,
except for the limits of clients in `exception`.
"""

import argparse
import io
import json
import re
import sys
import time
import zipfile
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from PIL import Image

from clients import clients

#: Longer than a photo or a download takes.
PATIENCE_SECONDS = 120
#: API Gateway limits all headers of a response to 10,240 bytes.
LOCATION_BYTES = 8_000

#: Names of photographers, what the files are, and the names that customers get.
PHOTOS = [
    # Extensions.
    ("IMG_0001.JPG", "JPEG", "IMG_0001.JPG"),
    ("DSC1", "JPEG", "DSC1.jpg"),
    ("scan.png", "JPEG", "scan.jpg"),
    ("sunset.jpg", "PNG", "sunset.png"),
    ("grain.jpg", "TIFF", "grain.tif"),
    ("DSC_0002.NEF", "TIFF", "DSC_0002.NEF"),
    ("photo.jpeg", "JPEG", "photo.jpeg"),
    ("photo.jfif", "JPEG", "photo.jfif"),
    ("gpj.exe", "JPEG", "gpj.exe.jpg"),
    ("1.5", "JPEG", "1.5.jpg"),
    ("a.b.c.jpg", "JPEG", "a.b.c.jpg"),
    # Windows.
    ("aux", "JPEG", "_aux.jpg"),
    ("CON.jpg", "JPEG", "_CON.jpg"),
    ("COM¹.jpg", "JPEG", "_COM¹.jpg"),
    ("foto.jpg. .", "JPEG", "foto.jpg"),
    ('*?<>|":.jpg', "JPEG", "_______.jpg"),
    (".hidden.jpg", "JPEG", "hidden.jpg"),
    ("..", "JPEG", "photo.jpg"),
    # Paths.
    (r"C:\Users\anna\Pictures\Tulips.jpg", "JPEG", "Tulips.jpg"),
    (r"\\server\share\Roses.jpg", "JPEG", "Roses.jpg"),
    ("/home/anna/Lilies.jpg", "JPEG", "Lilies.jpg"),
    (r"a/b\c.jpg", "JPEG", "a_b_c.jpg"),
    ("../../etc/passwd.jpg", "JPEG", "_.._etc_passwd.jpg"),
    # Characters that clients decode, quote or replace.
    ("100%.jpg", "JPEG", "100_.jpg"),
    ("a%2Fb%41.jpg", "JPEG", "a_2Fb_41.jpg"),
    ("a;b, c.jpg", "JPEG", "a;b, c.jpg"),
    ("it's (1) & [2] {3}.jpg", "JPEG", "it's (1) & [2] {3}.jpg"),
    ("a+b=c#d@e!f$g`h^i.jpg", "JPEG", "a+b=c#d@e!f$g`h^i.jpg"),
    ("~$temp~.jpg", "JPEG", "_$temp~.jpg"),
    ("-rf.jpg", "JPEG", "-rf.jpg"),
    ("two  spaces\u00a0here.jpg", "JPEG", "two spaces here.jpg"),
    ("line\r\nbreak.jpg", "JPEG", "linebreak.jpg"),
    ("evil\u202egpj.jpg", "JPEG", "evilgpj.jpg"),
    ("zero\u200bwidth\ufeff.jpg", "JPEG", "zerowidth.jpg"),
    ("joiner\u200dof\u200cnothing.jpg", "JPEG", "joinerofnothing.jpg"),
    # Scripts.
    ("Köln Kuß.jpg", "JPEG", "Köln Kuß.jpg"),
    ("Mu\u0308ller.jpg", "JPEG", "M\u00fcller.jpg"),
    ("東京\u3000一.jpg", "JPEG", "東京\u3000一.jpg"),
    ("Свадьба Анны 001.jpg", "JPEG", "Свадьба Анны 001.jpg"),
    ("½ Ω – “x”.jpg", "JPEG", "½ Ω – “x”.jpg"),
    ("حفلة.jpg", "JPEG", "حفلة.jpg"),
    ("😀.jpg", "JPEG", "😀.jpg"),
    ("می\u200cخواهم.jpg", "JPEG", "می\u200cخواهم.jpg"),
    ("क्\u200dष.jpg", "JPEG", "क्\u200dष.jpg"),
    ("Familie 👨\u200d👩\u200d👧 ❤\ufe0f.jpg", "JPEG", "Familie 👨\u200d👩\u200d👧 ❤\ufe0f.jpg"),
    # Lengths.
    ("x" * 1_020 + ".jpg", "JPEG", "x" * 146 + ".jpg"),
    ("東" * 1_020 + ".jpg", "JPEG", "東" * 48 + ".jpg"),
    ("😀" * 1_020 + ".jpg", "JPEG", "😀" * 36 + ".jpg"),
]

#: References of orders and locales of customers, to the names of archive and folder.
ORDERS = [
    ("A-17", "en", "A-17.zip", "Order-A-17"),
    ("A-17.", "de", "A-17.zip", "Bestellung-A-17"),
    ("Köln & Umgebung", "fr", "Köln & Umgebung.zip", "Commande-Köln & Umgebung"),
    ("../2026: 1%", "en", "_2026_ 1_.zip", "Order-.._2026_ 1_"),
    ("東" * 100, "de-AT", "東" * 44 + ".zip", "Bestellung-" + "東" * 44),
]

#: Types of which clients declare files: the right one, and what shops know that go by the extension.
TYPES = {"JPEG": "image/jpeg", "PNG": "image/jpeg", "TIFF": "application/octet-stream"}


class Api:
    """The API of one system, for one studio."""

    def __init__(self, api: str):
        self.api = api

    def call(self, method: str, path: str, body: dict | None = None) -> dict:
        headers = {"authorization": "Bearer dev:anna", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.api + path, data, headers, method=method), timeout=60) as response:
            return json.load(response)

    def until(self, path: str, status: str) -> dict:
        """Polls a record until it has the status."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while (record := self.call("GET", path))["status"] != status:
            if record["status"] == "failed" or time.monotonic() > ends:
                raise SystemExit(f"{path}: {record}")
            time.sleep(0.1)
        return record

    def upload(self, filename: str, content: bytes, content_type: str) -> str:
        new = {"filename": filename, "content_type": content_type, "size_bytes": len(content)}
        created = self.call("POST", "/photos", new)
        upload = created["upload"]
        with urlopen(Request(upload["url"], content, upload["headers"], method="PUT"), timeout=60):
            return created["photo"]["id"]

    def link(self, photos: list[str], reference: str, locale: str, **options) -> str:
        """Returns the link to a download that is ready."""
        customer = {"name": "Eva", "email": "eva@example.com", "locale": locale}
        order = self.call("POST", "/orders", {"reference": reference, "customer": customer, "photo_ids": photos})
        made = self.call("POST", f"/orders/{order['id']}/downloads", {"notify": False} | options)
        self.until(f"/downloads/{made['download']['id']}", "ready")
        return made["link"]


def answer(method: str, url: str):
    """Returns a response without following its redirect."""
    parts = urlsplit(url)
    connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=60)
    connection.request(method, f"{parts.path}?{parts.query}", headers={"accept": "*/*"})
    response = connection.getresponse()
    response.body = response.read()
    connection.close()
    return response


class File:
    """What the system answers to the customer who fetches a file."""

    def __init__(self, form: str):
        started = answer("POST", form)
        self.ticket = started.headers["location"]
        found = answer("GET", self.ticket) if started.status == 303 else started
        if found.status != 303:
            raise SystemExit(f"{form}: {started.status}, then {found.status}")
        self.location = found.headers["location"]
        response = answer("GET", self.location)
        self.content = response.body
        disposition = response.headers["content-disposition"]
        match = re.fullmatch(r"""attachment; filename="([ -~]+)"; filename\*=UTF-8''(\S+)""", disposition)
        if not match:
            raise SystemExit(f"{form}: {disposition}")
        self.ascii, self.name = match[1], unquote(match[2])


def exception(client: str, file: File) -> tuple[str, str] | None:
    """Returns the other name that a client gives a file, and the reason; `None` if it has no reason to."""
    if client == "curl" and not file.name.isascii():
        return file.ascii, "ASCII"
    if client in ("chromium", "firefox") and re.search("[\u200c\u200d]", file.name):
        return re.sub("[\u200c\u200d]", "_", file.name), "joiners"
    return None


class Table:
    """Prints a line for each name, and counts what is wrong."""

    def __init__(self, used):
        self.clients = used
        self.wrong = 0
        print("  ".join(f"{client.name:8}" for client in used), " name")

    def check(self, form: str, expected: str, zipped: str | None = None):
        file = File(form)
        faults = []
        if file.name != expected:
            faults.append(f"the response says {ascii(file.name)}")
        if zipped is not None and zipped != expected and len(expected) < 80:
            faults.append(f"the ZIP says {ascii(zipped)}")
        if len(file.location) > LOCATION_BYTES:
            faults.append(f"the address has {len(file.location)} characters")
        cells = []
        for client in self.clients:
            saved = client.save(file.ticket)
            other, why = exception(client.name, file) or (file.name, "same")
            if saved == other:
                cells.append(why)
            else:
                cells.append("WRONG")
                faults.append(f"{client.name} saves {ascii(saved)}")
        shown = expected if len(expected) <= 50 else f"{expected[:50]}… ({len(expected)})"
        print("  ".join(f"{cell:8}" for cell in cells), f" {shown}", flush=True)
        for fault in faults:
            print(f"    {fault}", flush=True)
        self.wrong += bool(faults)


def photo(number: int, kind: str) -> bytes:
    """Returns a photo with a colour of its own."""
    made = io.BytesIO()
    Image.new("RGB", (60, 40), (number * 5 % 256, 90, 120)).save(made, kind)
    return made.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    api = Api(options.api.rstrip("/"))

    made = [api.upload(name, photo(n, kind), TYPES[kind]) for n, (name, kind, _) in enumerate(PHOTOS)]
    for id in made:
        api.until(f"/photos/{id}", "ready")

    used = clients(options.work)
    try:
        table = Table(used)
        link = api.link(made, "1", "en")
        entries = zipfile.ZipFile(io.BytesIO(File(link).content)).namelist()
        for number, ((_, _, expected), entry) in enumerate(zip(PHOTOS, entries, strict=False), 1):
            table.check(f"{link}/photo/{number}", expected, entry.removeprefix("Order-1/"))
        # The web version of a PNG.
        web = PHOTOS.index(("sunset.jpg", "PNG", "sunset.png"))
        table.check(api.link([made[web]], "2", "en", kind="single", photo_id=made[web], variant="web"), "sunset.jpg")
        for reference, locale, expected, folder in ORDERS:
            link = api.link(made[:1], reference, locale)
            table.check(link, expected)
            inside = zipfile.ZipFile(io.BytesIO(File(link).content)).namelist()
            if any(not name.startswith(f"{folder}/") for name in inside):
                print(f"    the folder is that of {ascii(inside[0])}")
                table.wrong += 1
    finally:
        for client in used:
            client.end()
    print(f"{len(PHOTOS) + 1 + len(ORDERS)} names, {len(used)} clients, {table.wrong} wrong")
    sys.exit(table.wrong != 0)


if __name__ == "__main__":
    main()
