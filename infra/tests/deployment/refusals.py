"""Calls that must be refused: by the authorizer, by the API, by S3, by IAM."""

import json

from botocore.exceptions import ClientError

import photos
from emulator import Emulator
from issuer import MACHINE, Issuer
from shop import Shop
from steps import check, say


def tokens(shop: Shop, issuer: Issuer):
    """Checks that routes refuse callers without a genuine token, and that open routes accept everybody."""
    expired = issuer.token("anna", exp=1_700_000_000)
    refused = {
        "no token": None,
        "a stranger's signature": issuer.token("anna", genuine=False),
        "another audience": issuer.token("anna", aud="another-shop"),
        "another issuer": issuer.token("anna", iss="https://issuer.example.com"),
        "an expired token": expired,
    }
    for what, token in refused.items():
        for path in ("/photos", "/no/such/route"):
            status = Shop(shop.web, shop.api, token).call("GET", path).status
            check(status == 401, f"{what}: GET {path} answered {status}")
        say(f"{what}: 401")
    check(Shop(shop.web, shop.api, None).call("GET", "/health").status == 200, "GET /health asks for a login")
    check(
        Shop(shop.web, shop.api, None).call("GET", "/d/forged").status == 404, "GET /d/{token} is not the API's own 404"
    )


def preflights(shop: Shop, emulator: Emulator, outputs: dict):
    """Checks that browsers may call the API and upload to S3 from the shop's page, and from no other page."""
    bucket = f"{emulator.endpoint}/{outputs['buckets']['photos']}/originals/anna/x"
    for what, url, method in (("API", f"{shop.api}/photos", "POST"), ("upload", bucket, "PUT")):
        for origin, allowed in (("https://shop.example.com", True), ("https://evil.example.com", False)):
            headers = {
                "origin": origin,
                "access-control-request-method": method,
                "access-control-request-headers": "if-none-match",
            }
            answer = shop.web.request("OPTIONS", url, headers=headers)
            granted = answer.headers.get("access-control-allow-origin") == origin
            granted &= "if-none-match" in answer.headers.get("access-control-allow-headers", "")
            check(granted == allowed, f"{what}: the preflight of {origin} was answered with {answer.headers}")
        say(f"{what}: preflight granted to our page only")


def strangers(shop: Shop, issuer: Issuer):
    """Checks that another studio's photo is not found, and that an upload URL accepts one upload only."""
    content = photos.jpeg(64, 64)
    new = {"filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": len(content)}
    made = shop.ask("POST", "/photos", new)
    path = f"/photos/{made['photo']['id']}"
    status = Shop(shop.web, shop.api, issuer.token("bert")).call("GET", path).status
    check(status == 404, f"another studio's photo answered {status}")
    upload = made["upload"]
    forged = upload["url"].replace("/originals/anna/", "/originals/bert/")
    put = lambda url: shop.web.request("PUT", url, headers=upload["headers"], body=content).status
    check(put(forged) == 403, "a forged upload URL was taken")
    check(put(upload["url"]) == 200, "the upload URL was not taken")
    check(put(upload["url"]) == 412, "a second upload was taken")
    shop.wait(path)
    say("another studio's photo: 404; a forged upload URL: 403; a second upload: 412")


def machines(shop: Shop, issuer: Issuer):
    """Checks that a machine's access token acts for its client's studio, and no other token of that client does."""
    machine = {"aud": None, "darkroom_studio": None, "sub": MACHINE, "client_id": MACHINE, "token_use": "access"}

    def photos_of(**claims):
        token = issuer.token("nobody", **(machine | claims))
        return Shop(shop.web, shop.api, token).call("GET", "/photos")

    answer = photos_of()
    check(answer.status == 200, f"a machine's access token: {answer.status}: {answer.body[:500]}")
    ids = [[photo["id"] for photo in page["items"]] for page in (answer.json(), shop.ask("GET", "/photos"))]
    check(ids[0] and ids[0] == ids[1], "a machine sees other photos than its studio")
    say("a machine's access token: its studio's photos")
    for what, claims, status in (
        ("a user's access token of that client", {"username": "eva"}, 403),
        ("another token of that client", {"token_use": "id"}, 403),
        ("an unknown client's access token", {"client_id": "another"}, 401),
    ):
        found = photos_of(**claims).status
        check(found == status, f"{what}: {found}")
        say(f"{what}: {status}")


def roles(emulator: Emulator, outputs: dict):
    """Checks that a function's role permits what the function uses, and nothing else."""
    tables, buckets = outputs["tables"], outputs["buckets"]
    name = lambda function: outputs["functions"][function]["name"]
    key = {"studio": {"S": "anna"}, "id": {"S": "x"}}

    worker = emulator.credentials(name("photo-processor"))
    dynamodb, s3 = emulator.client("dynamodb", worker), emulator.client("s3", worker)
    dynamodb.get_item(TableName=tables["photos"], Key=key)
    refuse("photo-processor: PutItem on orders", lambda: dynamodb.put_item(TableName=tables["orders"], Item=key))
    refuse("photo-processor: Scan of downloads", lambda: dynamodb.scan(TableName=tables["downloads"]))
    refuse("photo-processor: DeleteItem on requests", lambda: dynamodb.delete_item(TableName=tables["requests"], Key=key))
    original = {"Bucket": buckets["photos"], "Key": "originals/anna/x"}
    upload = {**original, "Key": "incoming/anna/x"}
    refuse("photo-processor: PutObject on incoming/", lambda: s3.put_object(**upload, Body=b"x"))
    sidecar = {**original, "Key": "sidecars/anna/x"}
    refuse("photo-processor: DeleteObject on sidecars/", lambda: s3.delete_object(**sidecar))
    refuse("photo-processor: ListBucket of downloads", lambda: s3.list_objects_v2(Bucket=buckets["downloads"]))

    api = emulator.credentials(name("api"))
    dynamodb, s3, sqs = (emulator.client(service, api) for service in ("dynamodb", "s3", "sqs"))
    refuse("api: DeleteItem on emails", lambda: dynamodb.delete_item(TableName=tables["emails"], Key=key))
    refuse("api: Scan of orders", lambda: dynamodb.scan(TableName=tables["orders"]))
    refuse("api: Scan of requests", lambda: dynamodb.scan(TableName=tables["requests"]))
    archive = emulator.client("s3").list_objects_v2(Bucket=buckets["downloads"], Prefix="archives/")["Contents"][0][
        "Key"
    ]
    s3.head_object(Bucket=buckets["downloads"], Key=archive)
    zip_key = "archives/anna/x/1.zip"
    refuse("api: PutObject of an archive", lambda: s3.put_object(Bucket=buckets["downloads"], Key=zip_key, Body=b"x"))
    queue, dlq = outputs["queues"]["photos"]["url"], outputs["queues"]["photos"]["dlq_url"]
    sqs.send_message(QueueUrl=queue, MessageBody='{"v":1,"job":"sweep"}')
    refuse("api: ReceiveMessage from photos", lambda: sqs.receive_message(QueueUrl=queue))
    refuse("api: PurgeQueue of photos' dead letters", lambda: sqs.purge_queue(QueueUrl=dlq))
    refuse("api: SendMessage to photos' dead letters", lambda: sqs.send_message(QueueUrl=dlq, MessageBody="x"))
    functions = emulator.client("lambda", api)
    nothing = json.dumps({"Records": []}).encode()
    ran = functions.invoke(FunctionName=name("email-sender"), Payload=nothing)
    check("FunctionError" not in ran, f"email-sender, invoked with no messages, answered {ran['Payload'].read()}")
    refuse("api: Invoke of itself", lambda: functions.invoke(FunctionName=name("api"), Payload=b"{}"))

    builder = emulator.credentials(name("archive-builder"))
    dynamodb = emulator.client("dynamodb", builder)
    dynamodb.get_item(TableName=tables["orders"], Key=key)
    refuse("archive-builder: Query of downloads", lambda: of_studio(dynamodb, tables["downloads"]))
    refuse("archive-builder: PutItem on orders", lambda: dynamodb.put_item(TableName=tables["orders"], Item=key))
    refuse("archive-builder: PutItem on requests", lambda: dynamodb.put_item(TableName=tables["requests"], Item=key))
    refuse("archive-builder: DeleteItem on downloads", lambda: dynamodb.delete_item(TableName=tables["downloads"], Key=key))
    refuse("archive-builder: DeleteItem on emails", lambda: dynamodb.delete_item(TableName=tables["emails"], Key=key))
    refuse("archive-builder: Scan of emails", lambda: dynamodb.scan(TableName=tables["emails"]))

    sender = emulator.credentials(name("email-sender"))
    sqs, functions = emulator.client("sqs", sender), emulator.client("lambda", sender)
    sqs.send_message(QueueUrl=outputs["queues"]["default"]["url"], MessageBody='{"v":1,"job":"sweep"}')
    own = outputs["queues"]["emails"]["dlq_url"]
    refuse("email-sender: ReceiveMessage from its dead letters", lambda: sqs.receive_message(QueueUrl=own))
    refuse("email-sender: SendMessage to photos", lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"))
    refuse("email-sender: Invoke of a worker", lambda: functions.invoke(FunctionName=name("archive-builder")))

    housekeeper = emulator.credentials(name("housekeeper"))
    dynamodb, s3, sqs = (emulator.client(service, housekeeper) for service in ("dynamodb", "s3", "sqs"))
    of_studio(dynamodb, tables["downloads"])
    sqs.receive_message(QueueUrl=own, WaitTimeSeconds=0)
    refuse("housekeeper: DeleteItem on photos", lambda: dynamodb.delete_item(TableName=tables["photos"], Key=key))
    refuse("housekeeper: Scan of studios", lambda: dynamodb.scan(TableName=tables["studios"]))
    refuse("housekeeper: GetObject of an archive", lambda: s3.get_object(Bucket=buckets["downloads"], Key=archive))
    refuse("housekeeper: DeleteObject on originals/", lambda: s3.delete_object(**original))
    refuse("housekeeper: PutObject on incoming/", lambda: s3.put_object(**upload, Body=b"x"))
    refuse("housekeeper: ReceiveMessage from photos", lambda: sqs.receive_message(QueueUrl=queue))

    mailer = emulator.client("sesv2", sender)
    email = {
        "Destination": {"ToAddresses": ["customer@example.net"]},
        "Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
    }
    forged = email | {"FromEmailAddress": "director@example.com"}
    refuse("email-sender: SendEmail from another address", lambda: mailer.send_email(**forged))


def of_studio(dynamodb, table: str):
    """Queries a studio's records."""
    values = {":studio": {"S": "anna"}}
    dynamodb.query(TableName=table, KeyConditionExpression="studio = :studio", ExpressionAttributeValues=values)


def refuse(what: str, call):
    """Checks that the call is refused, and does not fail in another way."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        check("AccessDenied" in code, f"{what}: {error}")
        say(f"{what}: {code}")
        return
    check(False, f"{what} was allowed")
