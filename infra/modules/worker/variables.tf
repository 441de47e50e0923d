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

variable "concurrency_beside" {
  description = "Concurrent events of the function's other queues."
  type        = number
  default     = 0
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

variable "event_rule_arns" {
  description = "The rules of EventBridge that send to the queue."
  type        = list(string)
  default     = []
}
