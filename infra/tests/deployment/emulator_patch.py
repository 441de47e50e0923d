"""Starts ministack with five repairs.

- DescribeAlarms of the query protocol, which Terraform's provider speaks, leaves out most of an alarm's attributes, so
  that every plan would want to set them again. The JSON protocol's answer has them all: it is told as XML here.
- SendEmail is authorized on "*", so that a role that names identities and a configuration set would be refused. AWS
  authorizes the sender's identity, the configuration set and, in the sandbox, each recipient's identity, and knows the
  sender's address.
- SQS's batches are authorized as actions of their own, which AWS's IAM does not know: there the right to
  ChangeMessageVisibility, DeleteMessage or SendMessage is that to its batch.
- An input path of EventBridge with an index, such as `$.detail.mail.tags.email[0]`, finds nothing.
- DeleteRouteSettings, by which Terraform's provider takes a route's limits from a stage, deletes the stage.
"""

import json
import re
import sys
from email.utils import parseaddr
from urllib.parse import unquote
from xml.sax.saxutils import escape

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.core.router import extract_region
from ministack.services import apigateway, cloudwatch, eventbridge

describe_alarms_as_emulated = cloudwatch._describe_alarms
enforce_ses_as_emulated = app._enforce_ses_v2
action_as_emulated = iam_actions.extract_iam_action
transform_as_emulated = eventbridge._apply_input_transformer
gateway_as_emulated = apigateway.handle_request


def element(name: str, value) -> str:
    """Returns a value in CloudWatch's XML; nothing for a missing value."""
    if value is None or value == "" or "Timestamp" in name:
        return ""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = "".join(f"<member>{members(v) if isinstance(v, dict) else escape(str(v))}</member>" for v in value)
    elif isinstance(value, dict):
        text = members(value)
    else:
        text = escape(str(value))
    return f"<{name}>{text}</{name}>"


def members(fields: dict) -> str:
    """Returns a structure's fields."""
    return "".join(element(name, value) for name, value in fields.items())


def describe_alarms(params, cbor, is_cbor, is_json=False):
    """Answers DescribeAlarms with all attributes in every protocol."""
    if is_cbor or is_json:
        return describe_alarms_as_emulated(params, cbor, is_cbor, is_json)
    asked = [cloudwatch._p(params, f"AlarmNames.member.{n}") for n in range(1, 101)]
    _, _, body = describe_alarms_as_emulated({}, {"AlarmNames": [name for name in asked if name]}, False, True)
    answer = json.loads(body)
    lists = "".join(element(kind, answer.get(kind, [])) for kind in ("MetricAlarms", "CompositeAlarms"))
    result = f"<DescribeAlarmsResult>{lists}</DescribeAlarmsResult>"
    return cloudwatch._xml(200, "DescribeAlarmsResponse", result)


def enforce_ses(method: str, path: str, headers: dict, body: bytes, query_params: dict, request_id: str):
    """Returns a refusal of the call, or None. The test verifies a domain, which is the sender's identity. The account
    is in the sandbox: each recipient is an identity of its own."""
    if (method, path.rstrip("/")) != ("POST", "/v2/email/outbound-emails"):
        return enforce_ses_as_emulated(method, path, headers, body, query_params, request_id)
    email = json.loads(body)
    sender = parseaddr(email.get("FromEmailAddress", ""))[1]
    recipients = [parseaddr(to)[1] for kind in email.get("Destination", {}).values() for to in kind or []]
    resources = [f"identity/{sender.partition('@')[2]}", *(f"identity/{recipient}" for recipient in recipients)]
    if email.get("ConfigurationSetName"):
        resources.append(f"configuration-set/{email['ConfigurationSetName']}")
    for resource in resources:
        arn = f"arn:aws:ses:{extract_region(headers, query_params)}:{get_account_id()}:{resource}"
        denied = app._enforce_data_plane(
            "sesv2",
            "ses:SendEmail",
            headers,
            query_params,
            request_id,
            resource_arn=arn,
            service_context={"ses:FromAddress": sender},
            named_resource=arn,
        )
        if denied:
            return denied
    return None


def action(service: str, *request) -> str | None:
    """Returns the right that a call needs."""
    needed = action_as_emulated(service, *request)
    return needed.removesuffix("Batch") if needed and service == "sqs" else needed


def at_path(event: dict, path: str):
    """Returns the value at a path of fields and indexes; an empty text if there is none."""
    value = event
    for field, index in re.findall(r"([^.$\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[field] if field else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return ""
    return value


def transform(transformer: dict, rule, view):
    """Returns the message that a rule makes of an event. Paths with indexes are filled in before the emulator's own."""
    template = transformer.get("InputTemplate", "")
    for name, path in transformer.get("InputPathsMap", {}).items():
        if "[" in path:
            template = template.replace(f"<{name}>", json.dumps(at_path(view.event_with_detail(), path)))
    return transform_as_emulated({**transformer, "InputTemplate": template}, rule, view)


async def gateway(method: str, path: str, *request):
    """Answers a request of API Gateway's control plane."""
    found = re.fullmatch(r"/v2/apis/([^/]+)/stages/([^/]+)/routesettings/(.+)", path)
    if method != "DELETE" or not found:
        return await gateway_as_emulated(method, path, *request)
    api, stage, route = (unquote(part) for part in found.groups())
    apigateway._stages.get(api, {}).get(stage, {}).get("routeSettings", {}).pop(route, None)
    return 204, {}, b""


if __name__ == "__main__":
    apigateway.handle_request = gateway
    eventbridge._apply_input_transformer = transform
    cloudwatch._describe_alarms = describe_alarms
    app._enforce_ses_v2 = enforce_ses
    iam_actions.extract_iam_action = action
    sys.argv = ["ministack"]
    app.main()
