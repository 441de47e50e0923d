# The queue was part of this module before.

moved {
  from = aws_sqs_queue.this
  to   = module.queue.aws_sqs_queue.this
}

moved {
  from = aws_sqs_queue.dlq
  to   = module.queue.aws_sqs_queue.dlq
}

moved {
  from = aws_sqs_queue_redrive_allow_policy.dlq
  to   = module.queue.aws_sqs_queue_redrive_allow_policy.dlq
}

moved {
  from = aws_sqs_queue_policy.this
  to   = module.queue.aws_sqs_queue_policy.this
}

moved {
  from = aws_sqs_queue_policy.dlq
  to   = module.queue.aws_sqs_queue_policy.dlq
}

moved {
  from = aws_cloudwatch_metric_alarm.dlq
  to   = module.queue.aws_cloudwatch_metric_alarm.dlq
}

moved {
  from = aws_cloudwatch_metric_alarm.age
  to   = module.queue.aws_cloudwatch_metric_alarm.age
}

moved {
  from = aws_lambda_event_source_mapping.this
  to   = module.queue.aws_lambda_event_source_mapping.this
}
