variable "name" {
  description = "The function's name."
  type        = string
}

variable "description" {
  description = "The function's purpose. A changed description starts new instances."
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

variable "memory_mb" {
  description = "Memory in MB, which also determines the CPU share."
  type        = number
}

variable "timeout_seconds" {
  description = "The timeout of an invocation in seconds."
  type        = number
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "policy_json" {
  description = "The function's rights as a policy document, besides writing its log."
  type        = string
}

variable "minimum_concurrency" {
  description = "The lowest allowed value of reserved_concurrency."
  type        = number
  default     = 1
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
  description = "The key for log and environment, or null for AWS's own key."
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
