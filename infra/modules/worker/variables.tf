variable "name_prefix" {
  description = "The prefix of all names."
  type        = string
}

variable "function" {
  description = "The worker's function name, as in workers.json."
  type        = string
}

variable "worker" {
  description = "The worker's entry in workers.json."
  type = object({
    queue              = string
    timeout_seconds    = number
    memory_mb          = number
    attempts           = number
    max_receives       = number
    batch_size         = number
    max_concurrency    = number
    recursive_loop     = string
    tolerated_failures = number
    healthy = object({
      waiting        = number
      oldest_seconds = number
      failed         = number
      dead_letters   = number
    })
  })

  validation {
    condition     = var.worker.max_receives >= 50
    error_message = "max_receives in workers.json must be 50 or more: held, waiting and doubled deliveries are received too, and those to a function that can't start."
  }

  validation {
    condition     = var.worker.max_concurrency >= 2 && var.worker.max_concurrency <= 1000
    error_message = "max_concurrency must be 2 to 1000: SQS knows no other."
  }

  validation {
    condition     = var.worker.batch_size >= 1 && var.worker.batch_size <= 10
    error_message = "batch_size in workers.json must be 1 to 10: a larger batch needs a waiting time."
  }

  validation {
    condition     = var.worker.timeout_seconds >= 1 && var.worker.timeout_seconds <= 900
    error_message = "timeout_seconds in workers.json must be 1 to 900, Lambda's longest."
  }

  validation {
    condition     = contains(["Allow", "Terminate"], var.worker.recursive_loop)
    error_message = "recursive_loop in workers.json must be Allow or Terminate, the values that Lambda knows."
  }

  validation {
    condition     = var.worker.tolerated_failures >= 0
    error_message = "tolerated_failures in workers.json must be 0 or more."
  }

  validation {
    condition     = var.worker.healthy.waiting > 0 && var.worker.healthy.oldest_seconds > 0 && min(var.worker.healthy.failed, var.worker.healthy.dead_letters) >= 0
    error_message = "healthy in workers.json must have waiting and oldest_seconds above 0 and failed and dead_letters of 0 or more, or its queue would never be well."
  }
}

variable "description" {
  description = "The worker's purpose."
  type        = string
}

variable "package" {
  description = "The package: a ZIP with the binary `bootstrap`."
  type        = string
}

variable "architecture" {
  description = "`arm64` or `x86_64`."
  type        = string
}

variable "environment" {
  description = "Environment variables, besides the URL of the queue."
  type        = map(string)
}

variable "policy_json" {
  description = "The worker's rights as a policy document, besides consuming its queue."
  type        = string
}

variable "notifying_bucket_arn" {
  description = "The bucket that sends notifications to the queue, or null."
  type        = string
  default     = null
}

variable "reserved_concurrency" {
  description = "Reserved concurrency, or null."
  type        = number
  default     = null
}

variable "code_signing_config_arn" {
  description = "A code signing configuration, or null."
  type        = string
  default     = null
}

variable "tracing" {
  description = "Let X-Ray sample the invocations."
  type        = bool
}

variable "log_level" {
  description = "The lowest level that the function logs."
  type        = string
}

variable "log_retention_days" {
  description = "The retention of logs in days."
  type        = number
}

variable "kms_key_arn" {
  description = "The key for queues, log and environment, or null for AWS's own key."
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
