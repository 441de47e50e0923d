resource "aws_cloudwatch_metric_alarm" "dlq" {
  alarm_name          = "${aws_sqs_queue.dlq.name}-not-empty"
  alarm_description   = "Jobs of ${var.name} have failed at every attempt, or are no jobs. GET /queues/${var.name}/failed lists them; docs/OPERATIONS.md, \"Failed jobs\", has the procedure."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dlq.name }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  # A list of failed jobs hides their messages for half a minute, so one sample of 0 does not mean an empty queue.
  evaluation_periods  = 5
  datapoints_to_alarm = 1
  # SQS sends no metrics of a queue without activity for six hours, even if the queue has messages. The alarm keeps its
  # state until SQS sends metrics again, which any request to the queue causes.
  treat_missing_data = "ignore"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
  tags               = var.tags
}

resource "aws_cloudwatch_metric_alarm" "age" {
  alarm_name          = "${aws_sqs_queue.this.name}-oldest-message"
  alarm_description   = "Jobs of ${var.name} wait too long: the worker is down, throttled, or has more work than its maximum concurrency can process."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.this.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.queue.healthy.oldest_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
