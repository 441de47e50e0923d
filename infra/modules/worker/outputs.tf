output "queue_url" {
  description = "The queue's URL."
  value       = module.queue.url
}

output "queue_arn" {
  description = "The queue's ARN, available once the queue's policy exists."
  value       = module.queue.arn
}

output "dlq_url" {
  description = "The dead-letter queue's URL."
  value       = module.queue.dlq_url
}

output "function_arn" {
  description = "The function's ARN."
  value       = module.function.function_arn
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
