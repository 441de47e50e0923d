resource "aws_cloudwatch_metric_alarm" "dlq" {
  alarm_name          = "${aws_sqs_queue.dlq.name}-not-empty"
  alarm_description   = "Jobs of ${var.worker.queue} have failed at every try, or are no jobs. GET /queues/${var.worker.queue}/failed lists them; docs/OPERATIONS.md, \"Failed jobs\", says what to do."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dlq.name }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # Listing failed jobs hides their messages for half a minute: one sample of 0 is not an empty queue.
  evaluation_periods  = 5
  datapoints_to_alarm = 1
  # SQS sends no metrics of a queue that nobody has used for six hours, whether or not messages lie in it. The state stays
  # until it sends some again, which each look at the queue brings about.
  treat_missing_data = "ignore"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
  tags               = var.tags
}

resource "aws_cloudwatch_metric_alarm" "age" {
  alarm_name          = "${aws_sqs_queue.this.name}-oldest-message"
  alarm_description   = "Jobs of ${var.worker.queue} wait too long: the worker is down, throttled, or has more to do than its maximum concurrency can."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.this.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.worker.healthy.oldest_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# Of a refused job the message is acknowledged, so that no queue shows it.
resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${aws_sqs_queue.this.name}-failed"
  alarm_description   = "More jobs of ${var.worker.queue} have failed for good than are tolerated in five minutes. GET /queues/${var.worker.queue}/failed lists them; docs/OPERATIONS.md, \"Failed jobs\", says what to do."
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

# A job that is sent anew, because SQS would give it up, is as old as before; its message is not.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${aws_sqs_queue.this.name}-waiting-jobs"
  alarm_description   = "Jobs of ${var.worker.queue} are delivered, and older than is healthy: a service that they need is out, or SES's quota is used up. docs/OPERATIONS.md, \"What to do when\"."
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
  alarm_name          = "${aws_sqs_queue.this.name}-unreadable-records"
  alarm_description   = "Records of ${var.worker.queue} can't be read by this build and are passed over: a newer build wrote them, or a hand. The log names each."
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
