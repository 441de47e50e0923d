"""zipstream-ng with boto3, as its users write it: objects are read while upload_fileobj reads the archive."""

import io
import json
import sys

import boto3
from botocore.config import Config
from zipstream import ZIP_STORED, ZipStream

with open(sys.argv[1]) as file:
    job = json.load(file)
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))


def chunks(key):
    yield from s3.get_object(Bucket=job["originals"], Key=key)["Body"].iter_chunks(1 << 20)


class Reader(io.RawIOBase):
    """A file-like object for upload_fileobj."""

    def __init__(self, chunks):
        self.chunks, self.rest = iter(chunks), b""

    def readable(self):
        return True

    def read(self, size=-1):
        taken, length = [], 0
        while size < 0 or length < size:
            if not self.rest:
                self.rest = next(self.chunks, b"")
                if not self.rest:
                    break
            piece = self.rest if size < 0 else self.rest[: size - length]
            self.rest = self.rest[len(piece) :]
            taken.append(piece)
            length += len(piece)
        return b"".join(taken)


archive = ZipStream(compress_type=ZIP_STORED)
for photo in job["photos"]:
    archive.add(chunks(photo["key"]), photo["name"])
s3.upload_fileobj(Reader(archive), job["archives"], job["archive"], ExtraArgs={"ContentType": "application/zip"})
