"""Writes the tables of inputs and outputs into README.md, from variables.tf and outputs.tf.

python infra/readme.py           # write
python infra/readme.py --check   # fail if they are not as written
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
BEGIN, END = "<!-- written by readme.py -->", "<!-- end -->"


def blocks(kind: str, text: str):
    """Yields name and body of each `kind "name" { ... }`, in order."""
    for found in re.finditer(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL):
        yield found.group(1), found.group(2)


def argument(body: str, name: str) -> str | None:
    """Returns an argument's expression on one line, or None if the argument is missing."""
    found = re.search(rf"^  {name} +=(.*?)(?=^  \w|\Z)", body, re.MULTILINE | re.DOTALL)
    if not found:
        return None
    first, *lines = (line.strip() for line in found.group(1).rstrip().split("\n\n")[0].splitlines())
    # The closing brackets of an expression of several lines are on its last one.
    joined = first + ", ".join(lines[:-1]) + lines[-1] if lines else first
    return re.sub(r" += +", " = ", re.sub(r"\s+", " ", joined))


def description(body: str) -> str:
    """Returns the description as Markdown."""
    return argument(body, "description")[1:-1].replace('\\"', '"').replace("|", "\\|")


def tables() -> str:
    """Returns both tables."""
    rows = ["## Inputs", "", "| name | type | default | what it is |", "| --- | --- | --- | --- |"]
    for name, body in blocks("variable", (HERE / "variables.tf").read_text()):
        default = argument(body, "default")
        shown = "required" if default is None else f"`{default}`"
        rows.append(f"| `{name}` | `{argument(body, 'type')}` | {shown} | {description(body)} |")
    rows += ["", "## Outputs", "", "| name | what it is |", "| --- | --- |"]
    for name, body in blocks("output", (HERE / "outputs.tf").read_text()):
        rows.append(f"| `{name}` | {description(body)} |")
    return "\n".join(rows)


def main() -> int:
    """Writes the tables, or compares them under --check."""
    path = HERE / "README.md"
    old = path.read_text()
    head, rest = old.split(BEGIN)
    new = f"{head}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"
    if "--check" in sys.argv and new != old:
        print("infra/README.md is not as infra/readme.py writes it", file=sys.stderr)
        return 1
    path.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
