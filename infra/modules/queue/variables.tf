variable "name_prefix" {
  description = "The prefix of all names."
  type        = string
}

variable "name" {
  description = "The queue's name, as in workers.json."
  type        = string
}

variable "queue" {
  description = "The queue's entry in workers.json."
  type = object({
    timeout_seconds = number
    max_receives    = number
    batch_size      = number
    max_concurrency = number
    healthy = object({
      waiting        = number
      oldest_seconds = number
      failed         = number
      dead_letters   = number
    })
  })

  validation {
    condition     = var.queue.max_receives >= 50
    error_message = "max_receives in workers.json must be 50 or more: held, waiting and doubled deliveries are received too, and those to a function that can't start."
  }

  validation {
    condition     = var.queue.max_concurrency >= 2 && var.queue.max_concurrency <= 1000
    error_message = "max_concurrency must be 2 to 1000: SQS knows no other."
  }

  validation {
    condition     = var.queue.batch_size >= 1 && var.queue.batch_size <= 10
    error_message = "batch_size in workers.json must be 1 to 10: a larger batch needs a waiting time."
  }

  validation {
    condition     = var.queue.healthy.waiting > 0 && var.queue.healthy.oldest_seconds > 0 && min(var.queue.healthy.failed, var.queue.healthy.dead_letters) >= 0
    error_message = "healthy in workers.json must have waiting and oldest_seconds above 0 and failed and dead_letters of 0 or more, or its queue would never be well."
  }
}

variable "function_arn" {
  description = "The function that processes the queue."
  type        = string
}

variable "notifying_bucket_arn" {
  description = "The bucket that sends notifications to the queue, or null."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "The key for the queues, or null for AWS's own key."
  type        = string
  default     = null
}

variable "alarm_actions" {
  description = "The ARNs that alarms notify."
  type        = list(string)
}

variable "tags" {
  description = "Tags."
  type        = map(string)
}

variable "event_rule_arns" {
  description = "The rules of EventBridge that send to the queue."
  type        = list(string)
  default     = []
}
