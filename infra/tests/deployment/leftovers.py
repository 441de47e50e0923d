"""The resources that an account may still have after destroy."""

from emulator import Emulator


def find(emulator: Emulator) -> dict[str, list]:
    """Returns the remaining resources by kind; none if destroy was complete."""
    client = emulator.client
    sqs, iam, cloudwatch, logs = client("sqs"), client("iam"), client("cloudwatch"), client("logs")
    ses, scheduler, functions = client("sesv2"), client("scheduler"), client("lambda")
    left = {
        "buckets": client("s3").list_buckets()["Buckets"],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "queues": sqs.list_queues().get("QueueUrls", []),
        "functions": functions.list_functions()["Functions"],
        "mappings": functions.list_event_source_mappings()["EventSourceMappings"],
        "roles": iam.list_roles()["Roles"],
        "policies": iam.list_policies(Scope="Local")["Policies"],
        "APIs": client("apigatewayv2").get_apis()["Items"],
        "log groups": logs.describe_log_groups()["logGroups"],
        "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
        "dashboards": cloudwatch.list_dashboards()["DashboardEntries"],
        "identities": ses.list_email_identities()["EmailIdentities"],
        "configuration sets": ses.list_configuration_sets()["ConfigurationSets"],
        "parameters": client("ssm").describe_parameters()["Parameters"],
        "schedules": scheduler.list_schedules()["Schedules"],
        "schedule groups": [g for g in scheduler.list_schedule_groups()["ScheduleGroups"] if g["Name"] != "default"],
        "topics": client("sns").list_topics()["Topics"],
        "user pools": client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
    }
    return {kind: found for kind, found in left.items() if found}
