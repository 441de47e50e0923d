variable "name" {
  description = "The function's name."
  type        = string
}

variable "description" {
  description = "What it does. A changed description starts new instances."
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
  description = "Memory in MB; it buys CPU too."
  type        = number
}

variable "timeout_seconds" {
  description = "Lambda ends an invocation after so long."
  type        = number
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "policy_json" {
  description = "What the function may do, beside writing its log."
  type        = string
}

variable "minimum_concurrency" {
  description = "The least that may be reserved."
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
  description = "The function logs this level and what is graver."
  type        = string
}

variable "log_retention_days" {
  description = "Logs are kept so many days."
  type        = number
}

variable "kms_key_arn" {
  description = "The key for log and environment, or null for AWS's own."
  type        = string
  default     = null
}

variable "alarm_actions" {
  description = "Who is told of alarms."
  type        = list(string)
}

variable "tags" {
  description = "Tags."
  type        = map(string)
}
