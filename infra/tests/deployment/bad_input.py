"""Variables that can't be used: each must fail the plan with a sentence that names it."""

from concurrent.futures import ThreadPoolExecutor

from steps import check, say
from terraform import Terraform

BAD = {
    "name_prefix": "Dark_Room",
    "architecture": "mips",
    "sender_address": "photos",
    "sender_name": "A <b@example.com>",
    "mail_domain": "example.org",
    "mail_from_domain": "bounce.example.net",
    "download_retention_days": "0",
    "log_retention_days": "8",
    "cors_origins": '["*"]',
    "jwt_issuer": "http://issuer.example.com",
    "jwt_audience": "[]",
    "studio_claim": "a claim",
    "operator_claim": "operator",
    "domain_name": "https://photos.example.com",
    "certificate_arn": "arn:aws:acm:us-east-1:000000000000:certificate/1",
    "throttling": "{ rate = 0 }",
    "reserved_concurrency": "{ photo-processor = 21 }",
    "link_secret_version": "256",
    "alarm_topic_arn": "alarms",
    "packages_dir": "/nowhere",
}


def run(terraform: Terraform):
    """Tries each of them."""

    def refused(variable: str) -> str:
        done = terraform.plan("-refresh=false", "-lock=false", f"-var={variable}={BAD[variable]}", codes=(0, 1))
        check(done.returncode == 1, f"{variable}={BAD[variable]} was planned")
        said = " ".join(line.strip(" │╷╵") for line in done.stderr.splitlines())
        # These two are found by the function that they concern.
        sentence = {"reserved_concurrency": "concurrency reserved", "packages_dir": "no package"}.get(variable, variable)
        check(sentence in said and "Error" in said, f"{variable}: {said}")
        return variable

    with ThreadPoolExecutor(2) as pool:
        tried = list(pool.map(refused, BAD))
    say(f"{len(tried)} bad values, each refused by its name")
