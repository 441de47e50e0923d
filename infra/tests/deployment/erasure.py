"""Erasure of orders: one by its id, and those of an address by an operation."""

import photos
from emulator import Emulator
from shop import Shop
from steps import check, say

NAME, ADDRESS = "Erika Muster", "erika@example.net"


def run(shop: Shop, emulator: Emulator, outputs: dict):
    """Checks that the roles of the API and of the archive builder have all rights that an erasure needs."""
    photo = shop.upload("erased.jpg", photos.jpeg(600, 400))
    shop.wait(f"/photos/{photo}")
    orders, archives = zip(*(ordered(shop, photo) for _ in range(2)))
    check(told(emulator, outputs), "the search does not find what is there")

    answer = shop.call("DELETE", f"/orders/{orders[0]}")
    check(answer.status == 204, f"DELETE of an order answered {answer.status}: {answer.body[:500]}")
    status = shop.call("GET", f"/orders/{orders[0]}").status
    check(status == 410, f"an erased order answered {status}")
    check(not objects(emulator, outputs, archives[0]), "an erased order left objects")
    say("an order erased: 204, then 410, and no object of its archive")

    operation = shop.ended(shop.ask("POST", "/customers/erase", {"email": ADDRESS.upper()}, status=[202]))
    check((operation["kind"], operation["done"]) == ("erase", 1), f"not the other order was erased: {operation}")
    check(not objects(emulator, outputs, archives[1]), "an erased customer left objects")
    found = told(emulator, outputs)
    check(not found, f"an erased customer is told of in {found}")
    answer = shop.call("DELETE", f"/photos/{photo}")
    check(answer.status == 204, f"a photo of erased orders only answered {answer.status}: {answer.body[:500]}")
    say("a customer erased: no item of any table tells name or address")


def ordered(shop: Shop, photo: str) -> tuple[str, str]:
    """Creates an order with an archive and its email. Returns both ids."""
    customer = {"name": NAME, "email": ADDRESS}
    order = shop.ask("POST", "/orders", {"reference": "Erased", "customer": customer, "photo_ids": [photo]})
    made = shop.ask("POST", f"/orders/{order['id']}/downloads", {"kind": "batch"})
    shop.wait(f"/downloads/{made['download']['id']}")
    return order["id"], made["download"]["id"]


def objects(emulator: Emulator, outputs: dict, download: str) -> list[str]:
    """Returns the keys of a download's objects."""
    s3, bucket = emulator.client("s3"), outputs["buckets"]["downloads"]
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [entry["Key"] for entry in listed if download in entry["Key"]]


def told(emulator: Emulator, outputs: dict) -> list[str]:
    """Returns the tables with an item that contains the customer's name or address."""
    dynamodb = emulator.client("dynamodb")
    items = {
        name: str([page["Items"] for page in dynamodb.get_paginator("scan").paginate(TableName=table)])
        for name, table in outputs["tables"].items()
    }
    return [name for name, text in items.items() if NAME in text or ADDRESS in text]
