output "url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "The queue's ARN, available once the queue's policy exists."
  value       = aws_sqs_queue.this.arn
  depends_on  = [aws_sqs_queue_policy.this]
}

output "name" {
  description = "The queue's name."
  value       = aws_sqs_queue.this.name
}

output "dlq_url" {
  description = "The dead-letter queue's URL."
  value       = aws_sqs_queue.dlq.url
}
