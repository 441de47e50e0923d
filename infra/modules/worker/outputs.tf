output "queue_url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.this.url
}

output "queue_arn" {
  description = "The queue's ARN, available once the queue's policy exists."
  value       = aws_sqs_queue.this.arn
  depends_on  = [aws_sqs_queue_policy.this]
}

output "dlq_url" {
  description = "The dead-letter queue's URL."
  value       = aws_sqs_queue.dlq.url
}

output "function_name" {
  description = "The function's name."
  value       = module.function.function_name
}

output "role_name" {
  description = "The function's role."
  value       = module.function.role_name
}

output "log_group_name" {
  description = "The function's log group."
  value       = module.function.log_group_name
}
