"""A door to S3 over TLS that grants what `aws_iam_policy_document.uploader` in `infra/iam.tf` grants to one studio.

SDKs upload in another way over TLS than over plain HTTP, and AWS takes nothing else. The door counts what is stored, and
can keep a client waiting at a chosen moment, so that it can be killed there.
"""

import http.client
import re
import ssl
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import trustme

BUCKET = "photos"
CHUNK = 256 * 1024
#: The rights on objects that this door knows how to tell apart. `Door` compares them with the Terraform module.
RIGHTS = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"}
#: Headers of one connection, which are not passed on.
HOP = {"connection", "expect", "keep-alive"}


@dataclass
class Moment:
    """A request at which the client is kept waiting until it has been killed."""

    operation: str
    #: Whether S3 has done what was asked: only the response is lost.
    done: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    killed: threading.Event = field(default_factory=threading.Event)


def operation(method: str, key: str, query: dict) -> str:
    """Returns the S3 operation of a request."""
    if not key:
        return "ListObjectsV2" if method == "GET" and "list-type" in query else f"{method} of the bucket"
    if method == "PUT":
        return "UploadPart" if "partNumber" in query else "PutObject"
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else "CompleteMultipartUpload"
    if method == "DELETE":
        return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
    return "ListParts" if "uploadId" in query else "GetObject" if method == "GET" else "HeadObject"


#: The right that each operation needs, of those that an uploader has.
NEEDS = {
    "UploadPart": "s3:PutObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
}
#: Headers of an upload that need further rights, which no uploader has.
FURTHER = ("x-amz-acl", "x-amz-tagging", "x-amz-copy-source", "x-amz-object-lock-mode")


class Door(ThreadingHTTPServer):
    """The door, on a free port. Of an address without a name, all clients use paths for buckets."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, s3: str, folder: Path):
        super().__init__(("127.0.0.1", 0), Request)
        self.s3 = urlsplit(s3).netloc
        self.studio = ""
        self.moment: Moment | None = None
        self.lock = threading.Lock()
        self.stored: list[str] = []
        self.refused: list[str] = []
        authority = trustme.CA()
        self.certificates = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.certificates)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.address = f"https://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def open_for(self, studio: str):
        """Grants the rights of this studio, and forgets what was counted."""
        self.studio, self.stored, self.refused = studio, [], []

    def grants(self, name: str, key: str, query: dict, headers) -> bool:
        """Returns whether the uploader's policy allows a request."""
        prefix = f"incoming/{self.studio}/"
        if name == "ListObjectsV2":
            return query.get("prefix", [""])[0].startswith(prefix)
        return name in NEEDS and key.startswith(prefix) and not any(header in headers for header in FURTHER)

    def finish_request(self, request, client_address):
        """Does the TLS handshake in the connection's own thread."""
        super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    def handle_error(self, request, client_address):
        """Says nothing of clients that were killed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Request(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: Door

    def setup(self):
        super().setup()
        self.behind = http.client.HTTPConnection(self.server.s3)

    def log_message(self, *_):
        pass

    def serve(self):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        name = operation(self.command, key, query)
        if bucket != BUCKET or not self.server.grants(name, key, query, self.headers):
            self.refuse(f"{name} {key}".strip())
            return
        moment = self.server.moment
        at = moment is not None and moment.operation == name
        if at and not moment.done:
            self.wait(moment)
            return
        status, reason, headers, body = self.pass_on()
        with self.server.lock:
            if status == 200 and name in ("PutObject", "CompleteMultipartUpload"):
                self.server.stored.append(key)
        if at:
            self.wait(moment)
            return
        self.respond(status, reason, headers, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def wait(self, moment: Moment):
        moment.reached.set()
        moment.killed.wait(30)
        self.close_connection = True

    def body(self):
        """Returns the body piece by piece, as it comes: with the lengths of its pieces, if it is chunked."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            size = 1
            while size:
                line = self.rfile.readline()
                if not line.endswith(b"\n"):
                    raise ConnectionError("the client has gone")
                size = int(line, 16)
                yield line
                yield from self.bytes(size + len(b"\r\n"))
        else:
            yield from self.bytes(int(self.headers.get("content-length") or 0))

    def bytes(self, length: int):
        while length:
            piece = self.rfile.read(min(CHUNK, length))
            if not piece:
                raise ConnectionError("the client has gone")
            length -= len(piece)
            yield piece

    def pass_on(self):
        self.behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for header, value in self.headers.items():
            if header.lower() not in HOP:
                self.behind.putheader(header, value)
        self.behind.endheaders()
        for piece in self.body():
            self.behind.send(piece)
        response = self.behind.getresponse()
        return response.status, response.reason, response.getheaders(), response.read()

    def refuse(self, what: str):
        for _ in self.body():
            pass
        with self.server.lock:
            self.server.refused.append(what)
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.respond(403, "Forbidden", [("content-type", "application/xml")], body)

    def respond(self, status: int, reason: str, headers, body: bytes):
        self.send_response_only(status, reason)
        for header, value in headers:
            if header.lower() not in HOP | {"content-length", "transfer-encoding"}:
                self.send_header(header, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def check_rights(terraform: str):
    """Fails if the Terraform module grants other rights than this door."""
    document = terraform.split('data "aws_iam_policy_document" "uploader"')[1].split("\ndata ")[0]
    granted = set(re.findall(r'"(s3:[A-Z]\w+)"', document))
    if granted != RIGHTS | {"s3:ListBucket"} or set(NEEDS.values()) != RIGHTS:
        raise SystemExit(f"infra/iam.tf grants uploaders {sorted(granted)}; tests/uploaders/door.py knows other rights")
