"""Hooks for what tests/schemathesis/schemathesis.toml cannot configure."""

from uuid import uuid4

import hypothesis
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

#: Fields for which a valid request may be refused: their rules depend on records, or on one another.
UNSAID = {
    # One of `status`, `folder` and `sha256`.
    "GET /photos": {"status", "folder", "sha256"},
    # One of `status` and `about`.
    "GET /emails": {"status"},
    # With `on_duplicate` only.
    "POST /photos": {"sha256"},
    "POST /photos/batch": {"photos"},
    # Numbers from 1 to 10,000, and ranges of them.
    "GET /photos/{id}/upload/parts": {"numbers"},
    # Parts that S3 has.
    "POST /photos/{id}/upload/complete": {"parts"},
    # The upload on record; a part with PUT only.
    "POST /photos/{id}/upload/sign": {"method", "part_number", "upload_id"},
    # A source of the deployment.
    "POST /imports": {"source"},
    # A key of the list.
    "GET /orphans": {"cursor"},
    # Photos of the studio that are processed or will be; or a folder with its count.
    "POST /orders": {"photo_ids", "folder", "expected_count"},
    # A photo of the order, with `single` only; archives no smaller than a photo, with `batch` only; photos that have
    # previews. Synchronous requests are refused where the job would take too long.
    # Photos of the order, with `batch` only.
    "POST /orders/{id}/downloads": {"photo_id", "photo_ids", "split_bytes", "variant", "queue"},
    "POST /downloads/{id}/renew": {"queue"},
    "POST /downloads/{id}/retry": {"queue"},
    "POST /photos/{id}/process": {"queue"},
    # An order or download of the studio, depending on the template.
    "POST /emails": {"data", "data.order_id", "data.download_id", "data.subject", "data.text"},
    "POST /emails/preview": {"data", "data.order_id", "data.download_id", "data.subject", "data.text"},
    # Public hosts only.
    "POST /webhooks": {"url"},
    # With `older` only.
    "POST /photos/process": {"processor_version"},
    # One of `ids`, `error` and `all`; ids from the list.
    "POST /queues/{queue}/failed/retry": {"ids", "all"},
    "DELETE /queues/{queue}/failed": {"all"},
    # A time zone that exists.
    "PUT /studio": {"time_zone"},
    # A cursor that the list has returned.
    "GET /queues/{queue}/failed": {"cursor"},
    "GET /queues/{queue}/jobs": {"cursor"},
}
#: Where all fields are optional, no body, `null` and `[]` (PHP's empty array) stand for `{}`. The document names
#: objects only, so that generated clients do not offer the others.
ALL_OPTIONAL = {
    "POST /orders/{id}/downloads",
    "POST /downloads/{id}/notify",
    "POST /downloads/{id}/renew",
    "POST /downloads/{id}/retry",
    "POST /photos/{id}/process",
    "POST /photos/{id}/upload",
}
LONGEST_KEY = 255

# Schemathesis makes Hypothesis raise the rate of accepted requests. That took two fifths of the time, and dictionaries
# are more effective.
hypothesis.target = lambda *_, **__: None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives each request a key of its own: with a reused key most requests would be refused."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY:
        case.headers["Idempotency-Key"] = f"{key} {uuid4()}"[-LONGEST_KEY:]


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    """Drops three kinds of failures: a refusal because of a field in UNSAID, an accepted empty body, and a revoked
    download that is still shown. Keeps all others."""
    if isinstance(failure, UseAfterFree):
        return not case.path.startswith("/downloads/")
    if isinstance(failure, AcceptedNegativeData):
        return case.operation.label not in ALL_OPTIONAL or case.body not in (None, [])
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    field = response.json().get("field", "").partition("[")[0]
    return field not in UNSAID.get(case.operation.label, ())
