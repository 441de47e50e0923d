"""Writes previews of all emails with usual and hostile values, and parses them. Usage: parse.py LOCAL FOLDER"""

import email
import email.header
import email.policy
import email.utils
import html.parser
import subprocess
import sys
from pathlib import Path

#: Name of the studio, of the customer, and the order's reference.
VALUES = {
    "usual": ("Foto Anna", "Eva Maier", "2026-1017"),
    "umlauts": ("Fotostudio Müller & Söhne, Wien", "Jürgen Größl", "Hochzeit Ä-1"),
    "long": ("Ä" * 100, "W" * 200, "R" * 200),
    "hostile": ("<b>Studio</b> <boss@evil.example>", "http://evil.example/login", "\u202ereversed\u2028evil.example"),
    "encoded": ("=?UTF-8?Q?boss=40evil?=", "=?utf-8?b?YQ==?=", "=?utf-8?q?x?="),
    "reversed": ("סטודיו", "מרים כהן", "طلب 17"),
    "emoji": ("📸 Anna 👩‍👩‍👧", "Zoë 👰🏽", "💍"),
}
TEMPLATES = 7
LANGUAGES = 3


class Text(html.parser.HTMLParser):
    """Collects the pieces of text of an HTML document, and its links."""

    def __init__(self):
        super().__init__()
        self.pieces, self.links, self.hidden = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("style", "title")
        self.links += [value for name, value in attrs if tag == "a" and name == "href"]

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "title")

    def handle_data(self, data):
        if not self.hidden:
            self.pieces.append(" ".join(data.split()))

    def lines(self) -> list[str]:
        """Returns the pieces that have visible characters."""
        return [piece for piece in self.pieces if piece.strip("\u200b\u200c\u00ad\ufeff\u034f ")]


def check(condition, sentence: str):
    """Ends the test with a sentence if the condition is false."""
    if not condition:
        sys.exit(f"FAILED: {sentence}")


def name_of(path: Path) -> str:
    """Returns the sender's name. The newer parser of Python 3.11 leaves a space between two encoded words, against RFC 2047,
    section 6.2; the older one does not."""
    raw = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)["From"]
    name, _ = email.utils.parseaddr(raw.replace("\r\n", "").replace("\n", ""))
    return str(email.header.make_header(email.header.decode_header(name)))


def parse(path: Path, studio: str):
    """Parses one message and compares its parts."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    check(not message.defects, f"{path}: {message.defects}")
    for name, value in message.items():
        check(not getattr(value, "defects", ()), f"{path}: {name}: {value.defects}")
    senders = message["From"].addresses
    check(len(senders) == 1 and senders[0].addr_spec == "photos@example.com", f"{path}: sent by {message['From']}")
    shown = name_of(path)
    # An address in a name is broken, so that nobody takes it for the sender's.
    check("@" not in shown, f"{path}: the sender's name is {shown!r}")
    if not any(sign in studio for sign in "<>@"):
        check(shown.replace("\u200b", "").strip("\u2066\u2067\u2068\u2069") == studio, f"{path}: the sender's name is {shown!r}")
    check([address.addr_spec for address in message["To"].addresses] == ["eva@example.com"], f"{path}: {message['To']}")
    check(message["Reply-To"].addresses[0].addr_spec == "studio@example.com", f"{path}: {message['Reply-To']}")
    check(message["Auto-Submitted"] == "auto-generated", f"{path}: {message['Auto-Submitted']}")

    plain = path.with_suffix(".txt").read_text()
    subject = plain.removeprefix("Subject: ").partition("\n")[0]
    check(message["Subject"] == subject and 0 < len(subject) <= 150, f"{path}: {message['Subject']!r}, not {subject!r}")
    check(message.get_content_type() == "multipart/alternative", f"{path}: {message.get_content_type()}")
    text, rich = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    check(text.rstrip("\n") == plain.partition("\n\n")[2].rstrip("\n"), f"{path}: another text")
    check(rich.rstrip("\n") == path.with_suffix(".html").read_text().rstrip("\n"), f"{path}: another HTML")
    page = Text()
    page.feed(rich)
    check("evil.example" not in " ".join(page.links), f"{path}: a link to {page.links}")
    # What people read in the HTML is in the text too, but for the preheader, the studio's name at the top, and the hint that
    # the button can fail.
    said = " ".join(text.split())
    lines = [line for line in page.lines() if line not in said]
    check(len(lines) <= 3, f"{path}: the text lacks {lines}")


def main(local: str, folder: str):
    """Parses all messages of all values."""
    parsed = 0
    for name, (studio, customer, reference) in VALUES.items():
        previews = Path(folder, name)
        values = ["--studio", studio, "--name", customer, "--reference", reference]
        subprocess.run([local, "email", "preview", "--out", previews, *values], check=True, stdout=subprocess.DEVNULL)
        messages = sorted(previews.glob("*.eml"))
        check(len(messages) == TEMPLATES * LANGUAGES, f"{len(messages)} messages in {previews}")
        for path in messages:
            parse(path, studio)
            parsed += 1
    print(f"{parsed} messages parsed without a defect, from {len(VALUES)} studios and customers")


main(*sys.argv[1:])
