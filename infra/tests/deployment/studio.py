"""The studio's profile and logo."""

import io

from PIL import Image

from shop import Shop
from steps import check, say, wait_for


def run(shop: Shop):
    """Sets the profile, uploads a logo, and fetches it as a customer's mail program does."""
    settings = {"name": "Foto Anna", "time_zone": "Europe/Vienna"}
    profile = shop.ask("PUT", "/studio", settings)
    check(profile["name"] == "Foto Anna" and profile["logo"] is None, f"the profile is {profile}")

    written = io.BytesIO()
    Image.new("RGBA", (1000, 300), (200, 20, 20, 128)).save(written, "PNG")
    content = written.getvalue()
    upload = shop.ask("POST", "/studio/logo", {"content_type": "image/png", "size_bytes": len(content)})["upload"]
    answer = shop.web.request(upload["method"], upload["url"], headers=upload["headers"], body=content)
    check(answer.status == 200, f"the upload of the logo answered {answer.status}: {answer.body[:500]}")

    def probe():
        found = shop.ask("GET", "/studio")
        return None if found["logo_pending"] else found

    profile = wait_for("the logo is processed", 120, probe)
    check(profile["logo_error"] is None, f"the logo was refused: {profile}")
    path = profile["logo"]["url"].split("/logos/", 1)[1]
    anybody = Shop(shop.web, shop.api, None)
    served = anybody.call("GET", f"/logos/{path}")
    check(served.status == 200, f"GET /logos/{path} answered {served.status}: {served.body[:500]}")
    check(served.headers["content-type"] == "image/png", f"the logo is {served.headers}")
    picture = Image.open(io.BytesIO(served.body))
    check(picture.size == (800, 240) and picture.mode == "RGBA", f"the logo is {picture}")
    missing = anybody.call("GET", f"/logos/anna/{'0' * 64}.png")
    check(missing.status == 404, f"a missing logo answered {missing.status}")
    say(f"a logo of {len(content)} bytes is served as a PNG of {len(served.body)} bytes, without a token")
