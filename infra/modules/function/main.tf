# One function with its role, its log and its alarms.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_117:The function calls AWS services only, which IAM protects; a VPC would add gateways and cost without benefit.
  #checkov:skip=CKV_AWS_116:A function's dead-letter queue is for asynchronous invocations, which are not used; the queues have their own.
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.this.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.package
  source_code_hash               = fileexists(var.package) ? filebase64sha256(var.package) : null
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  code_signing_config_arn        = var.code_signing_config_arn
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  # The function filters its log itself (shared/runtime/src/telemetry.rs).
  environment {
    variables = merge(var.environment, { RUST_LOG = lower(var.log_level) })
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
    # Lambda treats a line without `level` or without a timestamp as INFO. Above that level it would drop the metrics,
    # which have no level, and every error, because the functions leave the timestamp to CloudWatch.
    application_log_level = "TRACE"
    # Lambda's reports of memory and cold starts have this level.
    system_log_level = "INFO"
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = fileexists(var.package)
      error_message = "There is no package ${var.package}. Build the packages first (see the README), or point packages_dir at them."
    }

    precondition {
      condition     = var.reserved_concurrency == null || coalesce(var.reserved_concurrency, 0) >= var.minimum_concurrency
      error_message = "The concurrency reserved for ${var.name} must be ${var.minimum_concurrency} or more: below its queue's maximum concurrency and room for direct invocations, messages are throttled, and land in the dead-letter queue without an attempt."
    }
  }

  # The first invocation may come immediately, and needs these rights.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy.log]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = {
    errors = {
      metric  = "Errors"
      periods = 1
      means   = "fail as a whole: a crash, a timeout, or a start without configuration. See its log."
    }
    throttles = {
      metric  = "Throttles"
      periods = 2
      means   = "are refused: the account's concurrency is used up, or the reserved one is too small."
    }
  }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Invocations of ${var.name} ${each.value.means}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = var.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
