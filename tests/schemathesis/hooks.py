"""What the configuration can't say: see tests/schemathesis/schemathesis.toml."""

from uuid import uuid4

import hypothesis
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

#: Fields for which a request may be refused that fits the schema: their sense depends on records, or on one another.
UNSAID = {
    # Photos that the studio has, and that are developed or will be.
    "POST /orders": {"photo_ids"},
    # A photo of the order, with `single` only; archives no smaller than a photo, with `batch` only; photos that have
    # previews. Not waited for where it takes too long.
    "POST /orders/{id}/downloads": {"photo_id", "split_bytes", "variant", "queue"},
    "POST /downloads/{id}/retry": {"queue"},
    "POST /photos/{id}/process": {"queue"},
    # An order or download of the studio, whichever the template speaks of.
    "POST /emails": {"data", "data.order_id", "data.download_id"},
    # With `older` only.
    "POST /photos/process": {"processor_version"},
    # Either `ids`, or `error`, or `all`; ids that the list shows.
    "POST /queues/{queue}/failed/retry": {"ids", "all"},
    "DELETE /queues/{queue}/failed": {"all"},
    # One that the list has answered.
    "GET /queues/{queue}/failed": {"cursor"},
}
#: Where all fields are optional, no body, `null` and `[]` (PHP's empty array) stand for `{}`. The document names objects
#: only, or generated clients would offer the others.
ALL_OPTIONAL = {"POST /orders/{id}/downloads", "POST /downloads/{id}/retry", "POST /photos/{id}/process"}
LONGEST_KEY = 255

# Schemathesis has Hypothesis raise the rate of accepted requests. Two fifths of the time went into that, and
# dictionaries do it better.
hypothesis.target = lambda *_, **__: None


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives each request a key of its own, or most of them were refused for nothing but their key."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY:
        case.headers["Idempotency-Key"] = f"{key} {uuid4()}"[-LONGEST_KEY:]


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    """Keeps all failures but the refusal of such a field, an empty body of another kind, and that a download which was
    taken back still says so."""
    if isinstance(failure, UseAfterFree):
        return not case.path.startswith("/downloads/")
    if isinstance(failure, AcceptedNegativeData):
        return case.operation.label not in ALL_OPTIONAL or case.body not in (None, [])
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    field = response.json().get("field", "").partition("[")[0]
    return field not in UNSAID.get(case.operation.label, ())
