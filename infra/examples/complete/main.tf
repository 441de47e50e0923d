# Most options: own issuer, own domain, own key, a shop's web page, alarms by email.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "The region of the deployment."
  type        = string
  default     = "eu-central-1"
}

variable "certificate_arn" {
  description = "The ACM certificate of photos.example.com in that region."
  type        = string
}

module "darkroom" {
  source = "../.."

  name_prefix = "shop-darkroom"
  tags        = { team = "shop", environment = "production" }

  # Functions
  architecture          = "arm64"
  max_concurrency       = { photo-processor = 40 }
  reserved_concurrency  = { archive-builder = 10, email-sender = 7 }
  retry_backoff_seconds = 20
  tracing               = true

  # API
  jwt_issuer      = "https://login.example.com/"
  jwt_audience    = ["darkroom"]
  studio_claim    = "studio"
  operator_claim  = "role=darkroom-operator"
  cors_origins    = ["https://shop.example.com"]
  throttling      = { rate = 200, burst = 400, link_rate = 50, link_burst = 100 }
  domain_name     = "photos.example.com"
  certificate_arn = var.certificate_arn

  # Email
  sender_address   = "photos@example.com"
  sender_name      = "Anna's photos"
  mail_domain      = "example.com"
  mail_from_domain = "bounce.example.com"

  # Retention
  download_retention_days      = 60
  original_recovery_days       = 90
  personal_data_retention_days = 1095
  archive_preference           = "cheap"
  deletion_protection          = true
  kms_enabled                  = true
  log_retention_days           = 400
  access_log_bucket            = "example-access-logs"

  # Alarms
  log_level   = "WARN"
  alarm_email = "oncall@example.com"
}

output "api_url" {
  value = module.darkroom.api_url
}

output "domain_target" {
  value = module.darkroom.domain_target
}

output "mail_dns_records" {
  value = module.darkroom.mail_dns_records
}
