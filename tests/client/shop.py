"""A web shop that uses the API through its generated client only. It uploads a photo, sells it, and checks that the
downloaded ZIP contains the same bytes.

    shop.py API

`darkroom` is the generated client. The shop makes two requests without it, because they do not go to the API: the
upload, which the API describes, and the download from the link.
"""

import io
import sys
import time
import zipfile
from http import HTTPStatus

import httpx
from PIL import Image

from darkroom import AuthenticatedClient
from darkroom.api.downloads import create_download, get_download
from darkroom.api.links import customer_page, fetch_file, start_download
from darkroom.api.orders import create_order
from darkroom.api.photos import create_photo, get_photo
from darkroom.models import (
    DownloadState,
    DownloadWithFiles,
    DownloadWithLink,
    NewCustomer,
    NewDownload,
    NewOrder,
    NewPhoto,
    OrderWithPhotos,
    Photo,
    PhotoStatus,
    PhotoWithUpload,
)
from darkroom.types import Response

#: Longer than any job takes on a busy machine.
PATIENCE_SECONDS = 60


def answer(kind, response):
    """Returns the response if it has this type: the client has a type for each status."""
    if not isinstance(response, kind):
        sys.exit(f"{kind.__name__} was expected, not {response}")
    return response


def wait(ask, status):
    """Requests the record until it has this status."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while (record := ask()).status != status:
        if time.monotonic() > ends:
            sys.exit(f"not {status} in time: {record}")
        time.sleep(0.1)
    return record


def picture() -> bytes:
    """Returns a JPEG."""
    content = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).save(content, "jpeg")
    return content.getvalue()


def upload(client: AuthenticatedClient, filename: str, original: bytes) -> Photo:
    """Registers a photo, uploads it as the response says, and waits until it is processed."""
    new = NewPhoto(filename=filename, content_type="image/jpeg", size_bytes=len(original))
    announced = answer(PhotoWithUpload, create_photo.sync(client=client, body=new, idempotency_key=filename))
    how = announced.upload
    httpx.request(how.method, how.url, headers=how.headers.to_dict(), content=original).raise_for_status()
    return wait(
        lambda: answer(Photo, get_photo.sync(announced.photo.id, client=client)),
        PhotoStatus.READY,
    )


def sell(client: AuthenticatedClient, photo: Photo) -> DownloadWithLink:
    """Orders the photo, requests the download, and waits until it is ready."""
    customer = NewCustomer(name="Eva Beispiel", email="eva@example.com")
    new = NewOrder(reference="2026-1017", customer=customer, photo_ids=[photo.id])
    order = answer(OrderWithPhotos, create_order.sync(client=client, body=new))
    asked = answer(DownloadWithLink, create_download.sync(order.id, client=client, body=NewDownload()))
    wait(
        lambda: answer(DownloadWithFiles, get_download.sync(asked.download.id, client=client)),
        DownloadState.READY,
    )
    return asked


def fetch(client: AuthenticatedClient, link: str) -> bytes:
    """Returns the file of a customer's link."""
    token = link.rpartition("/")[2]
    page = answer(str, customer_page.sync(token, client=client))
    if "<form" not in page:
        sys.exit(f"the page has no button: {page}")
    started = location(start_download.sync_detailed(token, client=client))
    ticket = started.rpartition("/")[2]
    file = location(fetch_file.sync_detailed(token, ticket, client=client))
    return httpx.get(file).raise_for_status().content


def location(response: Response) -> str:
    """Returns where a response redirects to."""
    if response.status_code != HTTPStatus.SEE_OTHER:
        sys.exit(f"the link answered {response.status_code}")
    return response.headers["location"]


def main():
    (api,) = sys.argv[1:]
    original = picture()
    with AuthenticatedClient(base_url=api, token="dev:anna", raise_on_unexpected_status=True) as client:
        photo = upload(client, "gradient.jpg", original)
        sold = sell(client, photo)
        archive = zipfile.ZipFile(io.BytesIO(fetch(client, sold.link)))
    name = next(name for name in archive.namelist() if name.endswith("gradient.jpg"))
    if archive.read(name) != original:
        sys.exit(f"{name} is not what was uploaded")
    print(f"a generated client uploaded a photo and got it back in a ZIP: {name}, {len(original):,} bytes, unchanged")


main()
