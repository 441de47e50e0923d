"""Starts ministack with the one repair that it needs.

DescribeAlarms of the query protocol, which Terraform's provider speaks, leaves out most of an alarm's attributes, so
that every plan would want to set them again. The JSON protocol's answer has them all: it is told as XML here.
"""

import json
import sys
from xml.sax.saxutils import escape

import ministack.services.cloudwatch as cloudwatch
from ministack.app import main

answer_as_emulated = cloudwatch._describe_alarms


def element(name: str, value) -> str:
    """A value as CloudWatch's XML spells it; nothing for what is not set."""
    if value is None or value == "" or "Timestamp" in name:
        return ""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = "".join(f"<member>{members(item) if isinstance(item, dict) else escape(str(item))}</member>" for item in value)
    elif isinstance(value, dict):
        text = members(value)
    else:
        text = escape(str(value))
    return f"<{name}>{text}</{name}>"


def members(fields: dict) -> str:
    """A structure's fields."""
    return "".join(element(name, value) for name, value in fields.items())


def describe_alarms(params, cbor, is_cbor, is_json=False):
    """DescribeAlarms, whole in every protocol."""
    if is_cbor or is_json:
        return answer_as_emulated(params, cbor, is_cbor, is_json)
    asked = [cloudwatch._p(params, f"AlarmNames.member.{n}") for n in range(1, 101)]
    _, _, body = answer_as_emulated({}, {"AlarmNames": [name for name in asked if name]}, False, True)
    answer = json.loads(body)
    lists = "".join(element(kind, answer.get(kind, [])) for kind in ("MetricAlarms", "CompositeAlarms"))
    result = f"<DescribeAlarmsResult>{lists}</DescribeAlarmsResult>"
    return cloudwatch._xml(200, "DescribeAlarmsResponse", result)


if __name__ == "__main__":
    cloudwatch._describe_alarms = describe_alarms
    sys.argv = ["ministack"]
    main()
