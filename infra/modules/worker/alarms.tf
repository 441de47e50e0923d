# The message of a rejected job is deleted, so no queue shows it.
resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.name_prefix}-${var.worker.queue}-failed"
  alarm_description   = "More jobs of ${var.worker.queue} have failed permanently in five minutes than the limit allows. GET /queues/${var.worker.queue}/failed lists them; docs/OPERATIONS.md, \"Failed jobs\", has the procedure."
  namespace           = "Darkroom"
  metric_name         = "JobsFailed"
  dimensions          = { FunctionName = module.function.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.worker.tolerated_failures
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# A job that is sent again, because SQS would dead-letter its message, keeps its age; its message is new.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${var.name_prefix}-${var.worker.queue}-waiting-jobs"
  alarm_description   = "Jobs of ${var.worker.queue} are delivered but older than the limit: a service that they need is unavailable, or SES's quota is used up. docs/OPERATIONS.md, \"What to do when\"."
  namespace           = "Darkroom"
  metric_name         = "QueueAge"
  dimensions          = { FunctionName = module.function.function_name }
  statistic           = "Maximum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.worker.healthy.oldest_seconds * 1000
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "unreadable" {
  alarm_name          = "${var.name_prefix}-${var.worker.queue}-unreadable-records"
  alarm_description   = "Records of ${var.worker.queue} cannot be read by this build and are skipped: a newer build or a manual change wrote them. The log names each."
  namespace           = "Darkroom"
  metric_name         = "RecordsUnreadable"
  dimensions          = { FunctionName = module.function.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
