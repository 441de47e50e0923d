# The dashboard, and saved queries. The functions' own metrics are in namespace Darkroom, by FunctionName.

locals {
  function_names = { for function, arn in local.function_arns : function => "${var.name_prefix}-${function}" }

  # Title => [metrics]; three charts in a row.
  charts = [
    { title = "Jobs done", stat = "Sum", metrics = [for f, _ in local.workers : ["Darkroom", "JobsDone", "FunctionName", local.function_names[f]]] },
    { title = "Jobs failed, retried, waiting for a service", stat = "Sum", metrics = concat(
      [for f, _ in local.workers : ["Darkroom", "JobsFailed", "FunctionName", local.function_names[f]]],
      [for f, _ in local.workers : ["Darkroom", "JobsRetried", "FunctionName", local.function_names[f]]],
      [for f, _ in local.workers : ["Darkroom", "JobsWaiting", "FunctionName", local.function_names[f]]],
    ) },
    { title = "Job duration (ms, p95)", stat = "p95", metrics = [for f, _ in local.workers : ["Darkroom", "JobDuration", "FunctionName", local.function_names[f]]] },
    { title = "Waited on the queue (ms, p95)", stat = "p95", metrics = [for f, _ in local.workers : ["Darkroom", "QueueAge", "FunctionName", local.function_names[f]]] },
    { title = "Paused queues", stat = "Maximum", metrics = [["Darkroom", "QueuesPaused", "FunctionName", local.function_names["housekeeper"]]] },
    { title = "Sweeps completed", stat = "Sum", metrics = [["Darkroom", "SweepsCompleted", "FunctionName", local.function_names["housekeeper"]]] },
    { title = "Uploads ignored", stat = "Sum", metrics = [["Darkroom", "UploadsIgnored", "FunctionName", local.function_names["housekeeper"]]] },
    { title = "Bytes worked on", stat = "Sum", metrics = [for f, _ in local.workers : ["Darkroom", "JobBytes", "FunctionName", local.function_names[f]]] },
    { title = "Oldest message (s)", stat = "Maximum", metrics = [for queue in keys(local.queues) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.name_prefix}-${queue}"]] },
    { title = "Messages waiting", stat = "Maximum", metrics = [for queue in keys(local.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name_prefix}-${queue}"]] },
    { title = "Dead-letter queues", stat = "Maximum", metrics = [for queue in keys(local.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name_prefix}-${queue}-dlq"]] },
    { title = "Function errors", stat = "Sum", metrics = [for name in values(local.function_names) : ["AWS/Lambda", "Errors", "FunctionName", name]] },
    { title = "Throttles", stat = "Sum", metrics = [for name in values(local.function_names) : ["AWS/Lambda", "Throttles", "FunctionName", name]] },
    { title = "Concurrent executions", stat = "Maximum", metrics = [for name in values(local.function_names) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]] },
    { title = "API requests and errors", stat = "Sum", metrics = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.this.id]] },
    { title = "API latency (ms, p95)", stat = "p95", metrics = [["AWS/ApiGateway", "Latency", "ApiId", aws_apigatewayv2_api.this.id]] },
    { title = "Emails", stat = "Sum", metrics = [for metric in ["Send", "Delivery", "Bounce", "Complaint"] : ["AWS/SES", metric, "ses:configuration-set", var.name_prefix]] },
    { title = "Bounce and complaint rate", stat = "Maximum", metrics = [for metric in ["Reputation.BounceRate", "Reputation.ComplaintRate"] : ["AWS/SES", metric, "ses:configuration-set", var.name_prefix]] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  # Dashboard names are unique per account, not per region. Without the region, a second deployment would overwrite the
  # first one's dashboard.
  dashboard_name = "${var.name_prefix}-${local.region}"
  dashboard_body = jsonencode({
    widgets = [for n, chart in local.charts : {
      type   = "metric"
      x      = 8 * (n % 3)
      y      = 6 * floor(n / 3)
      width  = 8
      height = 6
      properties = {
        title   = chart.title
        metrics = chart.metrics
        stat    = chart.stat
        period  = 300
        region  = local.region
        view    = "timeSeries"
      }
    }]
  })
}

locals {
  function_logs = [for name in values(local.function_names) : "/aws/lambda/${name}"]

  # The functions log one JSON object per line: level, message, and the ids of the records as fields.
  queries = {
    "warnings and errors" = {
      logs  = local.function_logs
      query = <<-EOT
        fields @timestamp, level, message, reason, error, `photo.id`, `download.id`, `email.id`, @logStream
        | filter level in ["WARN", "ERROR"]
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "way of one record" = {
      logs  = local.function_logs
      query = <<-EOT
        fields @timestamp, @log, level, message, reason
        | filter @message like /PUT THE ID HERE/
        | sort @timestamp asc
        | limit 500
      EOT
    }
    "slowest jobs" = {
      logs  = local.function_logs
      query = <<-EOT
        filter ispresent(duration_ms)
        | stats count() as jobs, avg(duration_ms) as mean_ms, pct(duration_ms, 95) as p95_ms, max(duration_ms) as max_ms by message
        | sort p95_ms desc
      EOT
    }
    "why jobs fail" = {
      logs  = local.function_logs
      query = <<-EOT
        filter level in ["WARN", "ERROR"] and ispresent(reason)
        | stats count() as times, latest(@timestamp) as last by message, reason
        | sort times desc
        | limit 50
      EOT
    }
    "memory and cold starts" = {
      logs  = local.function_logs
      query = <<-EOT
        filter type = "platform.report"
        | stats count() as invocations, count(record.metrics.initDurationMs) as cold_starts, max(record.metrics.initDurationMs) as init_ms, max(record.metrics.maxMemoryUsedMB) as used_mb, max(record.metrics.memorySizeMB) as has_mb by @log
      EOT
    }
    "API failures" = {
      logs  = ["/aws/lambda/${local.function_names["api"]}"]
      query = <<-EOT
        fields @timestamp, span.method, span.route, span.request_id, error
        | filter message = "A request failed"
        | sort @timestamp desc
        | limit 200
      EOT
    }
    "API errors by route" = {
      logs  = [aws_cloudwatch_log_group.access.name]
      query = <<-EOT
        filter status >= 400
        | stats count() as times by routeKey, status, authorizerError, integrationError
        | sort times desc
      EOT
    }
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${var.name_prefix}/${each.key}"
  log_group_names = each.value.logs
  query_string    = trimspace(each.value.query)
}
