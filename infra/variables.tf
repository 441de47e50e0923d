# One variable is required: sender_address. All others have a default.

variable "name_prefix" {
  description = "The prefix of the names of all resources. Two deployments in one account and region need different prefixes."
  type        = string
  default     = "darkroom"

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,21}$", var.name_prefix)) && length(var.name_prefix) <= 22
    error_message = "name_prefix must have 2 to 22 characters, a-z, 0-9 and single hyphens, and begin with a letter: it is part of bucket names."
  }
}

variable "tags" {
  description = "Tags on every resource that supports tags, besides `application`."
  type        = map(string)
  default     = {}
}

# Functions

variable "packages_dir" {
  description = "The folder of the functions' packages, with `<function>/bootstrap.zip`. Default: `target/lambda` of this repository, where `infra/package` writes them."
  type        = string
  default     = null
}

variable "architecture" {
  description = "The architecture of the packages: `arm64` or `x86_64`."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be \"arm64\" or \"x86_64\", the one that the packages were built for."
  }
}

variable "max_concurrency" {
  description = "The maximum of concurrent invocations per worker, such as `{ photo-processor = 50 }`, instead of those in `workers.json`. SQS allows 2 to 1,000. A new account has 10 concurrent executions in total: give each worker 2."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for function in keys(var.max_concurrency) : contains(values(local.queues)[*].function, function)])
    error_message = "max_concurrency knows the workers ${join(", ", distinct(values(local.queues)[*].function))} only."
  }

  validation {
    condition     = alltrue([for most in values(var.max_concurrency) : most >= 2 && most <= 1000 && floor(most) == most])
    error_message = "max_concurrency must be whole numbers from 2 to 1000: SQS allows no others."
  }
}

variable "reserved_concurrency" {
  description = "Concurrency reserved for single functions, such as `{ archive-builder = 10 }`. By default none: max_concurrency is the control, and a new account has none to reserve. A worker needs its max_concurrency and 2 more, for direct invocations; the housekeeper also the concurrency of `uploads`."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for function in keys(var.reserved_concurrency) : contains(concat(["api"], values(local.queues)[*].function), function)])
    error_message = "reserved_concurrency knows the functions api, ${join(", ", distinct(values(local.queues)[*].function))} only."
  }

  validation {
    condition     = alltrue([for reserved in values(var.reserved_concurrency) : reserved >= 1 && floor(reserved) == reserved])
    error_message = "reserved_concurrency must be whole numbers of 1 and more; leave a function out to reserve nothing."
  }
}

variable "code_signing_config_arn" {
  description = "The code signing configuration that the packages must pass, if your organisation signs code."
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:[^:]+:lambda:", var.code_signing_config_arn))
    error_message = "code_signing_config_arn must be the ARN of a Lambda code signing configuration."
  }
}

variable "tracing" {
  description = "Let X-Ray sample the invocations."
  type        = bool
  default     = false
}

variable "retry_backoff_seconds" {
  description = "The wait in seconds after a job's first failed attempt. It doubles with each further one."
  type        = number
  default     = 20

  validation {
    condition     = var.retry_backoff_seconds >= 1 && var.retry_backoff_seconds <= 900 && floor(var.retry_backoff_seconds) == var.retry_backoff_seconds
    error_message = "retry_backoff_seconds must be a whole number from 1 to 900."
  }
}

# Archives

variable "download_retention_days" {
  description = "The days after which archives are deleted; no link is valid longer."
  type        = number
  default     = 30

  validation {
    condition     = var.download_retention_days >= 1 && var.download_retention_days <= 3650 && floor(var.download_retention_days) == var.download_retention_days
    error_message = "download_retention_days must be a whole number from 1 to 3650."
  }
}

variable "archive_preference" {
  description = "The preference in building archives: `fast`, or `cheap` (fewer S3 requests, more seconds)."
  type        = string
  default     = "fast"

  validation {
    condition     = contains(["fast", "cheap"], var.archive_preference)
    error_message = "archive_preference must be \"fast\" or \"cheap\"."
  }
}

variable "archive_checksums" {
  description = "`full_object`: S3 verifies each archive's checksum. `none` is for stores that cannot (emulators), never for S3."
  type        = string
  default     = "full_object"

  validation {
    condition     = contains(["full_object", "none"], var.archive_checksums)
    error_message = "archive_checksums must be \"full_object\", or \"none\" for a store that proves no checksums."
  }
}

# Personal data

variable "personal_data_retention_days" {
  description = "The days after which orders are erased, as by `DELETE /orders/{id}`. By default no order is."
  type        = number
  default     = null

  validation {
    condition     = var.personal_data_retention_days == null ? true : var.personal_data_retention_days >= 1 && var.personal_data_retention_days <= 36500 && floor(var.personal_data_retention_days) == var.personal_data_retention_days
    error_message = "personal_data_retention_days must be a whole number from 1 to 36500."
  }
}

# Originals

variable "original_recovery_days" {
  description = "The days for which a deleted or overwritten original can be recovered."
  type        = number
  default     = 30

  validation {
    condition     = var.original_recovery_days >= 1 && var.original_recovery_days <= 3650 && floor(var.original_recovery_days) == var.original_recovery_days
    error_message = "original_recovery_days must be a whole number from 1 to 3650."
  }
}

# API

variable "cors_origins" {
  description = "Origins of web pages that may call the API and upload to S3, such as `[\"https://shop.example.com\"]`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[^/*\\s]+$", origin))])
    error_message = "cors_origins must be origins without path or wildcard, such as \"https://shop.example.com\": a page of any other site must not act for a studio."
  }
}

variable "jwt_issuer" {
  description = "The issuer of the tokens (the `iss` claim; its keys are found by OpenID discovery). By default a Cognito user pool is created."
  type        = string
  default     = null

  validation {
    condition     = var.jwt_issuer == null || can(regex("^https://[^\\s?#]+$", var.jwt_issuer))
    error_message = "jwt_issuer must be an https:// URL, spelled as in the tokens' iss claim."
  }
}

variable "jwt_audience" {
  description = "Audiences (the `aud` or `client_id` claim) whose tokens are accepted. Required with jwt_issuer, and only then."
  type        = list(string)
  default     = []

  validation {
    condition     = (var.jwt_issuer == null) == (length(var.jwt_audience) == 0)
    error_message = "jwt_issuer and jwt_audience belong together: name at least one audience with an issuer, and none without."
  }
}

variable "console_client_id" {
  description = "The client of the operators' console at jwt_issuer: public, with the authorization code flow and PKCE, and the callback of output console_url. In the deployment's own pool it is created."
  type        = string
  default     = null

  validation {
    condition     = var.console_client_id == null || var.jwt_issuer != null
    error_message = "console_client_id belongs to jwt_issuer: in the user pool made here, the console's client is created."
  }

  validation {
    condition     = var.console_client_id == null || can(regex("^[^\\s]{1,256}$", var.console_client_id))
    error_message = "console_client_id must be the id of a client, without spaces."
  }
}

variable "console_token_origin" {
  description = "The origin of jwt_issuer's token endpoint, such as `https://tokens.example.com`, if it is not the issuer's own: the console may call no other."
  type        = string
  default     = null

  validation {
    condition     = var.console_token_origin == null || can(regex("^https://[A-Za-z0-9.:-]+$", var.console_token_origin))
    error_message = "console_token_origin must be an https:// origin without path."
  }
}

variable "studio_claim" {
  description = "The claim that names the studio. Default: `darkroom_studio`; in the deployment's own pool, `custom:darkroom_studio`."
  type        = string
  default     = null

  validation {
    condition     = var.studio_claim == null || can(regex("^[A-Za-z0-9_:./-]{1,200}$", var.studio_claim))
    error_message = "studio_claim must be the name of a claim: letters, digits and _ : . / - only."
  }
}

variable "operator_claim" {
  description = "The claim that marks operators, as `name=value`. Default: `darkroom_role=operator`; in the deployment's own pool, `custom:darkroom_role=operator`."
  type        = string
  default     = null

  validation {
    condition     = var.operator_claim == null || can(regex("^[A-Za-z0-9_:./-]{1,200}=[^=\\s]{1,200}$", var.operator_claim))
    error_message = "operator_claim must be of the form name=value, such as \"darkroom_role=operator\"."
  }
}

variable "machine_clients" {
  description = "Clients that sign in without a user (OAuth client credentials), and the studio that each acts for, such as `{ \"4k1example\" = \"anna\" }`. For Cognito's access tokens; tokens of other issuers name the studio by studio_claim."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for client, studio in var.machine_clients : can(regex("^[A-Za-z0-9_+-]{1,128}$", client)) && can(regex("^[a-z0-9-]{1,63}$", studio))])
    error_message = "machine_clients must map client ids to studios: a client id has 1 to 128 letters, digits and _ + -, a studio 1 to 63 of a-z, 0-9 and hyphens."
  }

  validation {
    condition     = length(jsonencode(var.machine_clients)) <= 1500
    error_message = "machine_clients must have 1,500 characters or fewer as JSON, some 30 clients: the variables of a Lambda function have 4 KB in all."
  }
}

variable "machine_sign_in" {
  description = "Let clients of the deployment's own pool sign in without a user: creates a token endpoint and a scope. Cognito bills each such client."
  type        = bool
  default     = false

  validation {
    condition     = !var.machine_sign_in || var.jwt_issuer == null
    error_message = "machine_sign_in belongs to the user pool made here: with jwt_issuer, your issuer signs machines in."
  }

  validation {
    condition     = !var.machine_sign_in || !can(regex("aws|amazon|cognito", var.name_prefix))
    error_message = "machine_sign_in needs a name_prefix without \"aws\", \"amazon\" and \"cognito\": Cognito refuses domains that contain them."
  }
}

variable "throttling" {
  description = "The API's limit of requests per second, and its burst, over all callers. `link` is for the customers' page, which needs no login."
  type = object({
    rate       = optional(number, 100)
    burst      = optional(number, 200)
    link_rate  = optional(number, 50)
    link_burst = optional(number, 100)
  })
  default = {}

  validation {
    condition     = alltrue([for limit in values(var.throttling) : limit >= 1])
    error_message = "throttling must be numbers of 1 and more: 0 would refuse every request."
  }

  validation {
    condition     = alltrue([for burst in [var.throttling.burst, var.throttling.link_burst] : burst == floor(burst)])
    error_message = "throttling.burst and throttling.link_burst must be whole numbers: they count requests."
  }
}

variable "domain_name" {
  description = "A domain of your own for the API and the customers' links, such as `photos.example.com`."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a host name in lower case, such as \"photos.example.com\", without https://."
  }
}

variable "certificate_arn" {
  description = "The ACM certificate of domain_name, in the same region."
  type        = string
  default     = null

  validation {
    condition     = (var.certificate_arn == null) == (var.domain_name == null)
    error_message = "domain_name and certificate_arn belong together: set both or neither."
  }

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[^:]+:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate."
  }
}

variable "link_secret_version" {
  description = "The version of the secret for customer links. Raise it by one to create a new secret: existing links stop working."
  type        = number
  default     = 1

  validation {
    condition     = var.link_secret_version >= 1 && var.link_secret_version <= 255 && floor(var.link_secret_version) == var.link_secret_version
    error_message = "link_secret_version must be a whole number from 1 to 255: it is one byte of each link."
  }
}

variable "webhook_secret_version" {
  description = "The version of the key for the secrets of webhooks. Raise it by one to create a new key: all webhooks have new secrets then, and shops refuse events until they know them."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.webhook_secret_version >= 1 && floor(var.webhook_secret_version) == var.webhook_secret_version
    error_message = "webhook_secret_version must be a whole number from 1."
  }
}

# CDN

variable "cdn_enabled" {
  description = "Deliver files and pictures through CloudFront, by URLs that are signed with a key of yours."
  type        = bool
  default     = false

  validation {
    condition     = !var.cdn_enabled || length(var.cdn_public_keys) > 0
    error_message = "cdn_enabled needs a public key in cdn_public_keys: CloudFront verifies the API's signatures with it."
  }
}

variable "cdn_public_keys" {
  description = "Public keys (ECDSA P-256, PEM) by number, such as `{ 1 = file(\"cdn-key-1.pub\") }`. The API signs with the private key of the highest number, which you store in the SSM parameter of output cdn_key_parameter."
  type        = map(string)
  default     = {}

  validation {
    # The beginning of each such key: its type, its curve, and that it is not compressed.
    condition     = alltrue([for pem in values(var.cdn_public_keys) : can(regex("^-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==-----END PUBLIC KEY-----$", replace(pem, "/\\r?\\n/", "")))])
    error_message = "cdn_public_keys must be public keys of ECDSA P-256 as PEM (BEGIN PUBLIC KEY), as written by `openssl pkey -pubout`."
  }

  validation {
    condition     = alltrue([for number in keys(var.cdn_public_keys) : can(regex("^[1-9][0-9]{0,5}$", number))]) && length(var.cdn_public_keys) <= 5
    error_message = "cdn_public_keys must have at most 5 keys, by numbers from 1 to 999999: a key group of CloudFront has no more."
  }
}

variable "cdn_price_class" {
  description = "CloudFront's locations: `PriceClass_100` (North America, Europe, Israel), `PriceClass_200`, or `PriceClass_All`."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.cdn_price_class)
    error_message = "cdn_price_class must be \"PriceClass_100\", \"PriceClass_200\" or \"PriceClass_All\"."
  }
}

variable "cdn_domain_name" {
  description = "A domain of your own for the CDN, such as `files.example.com`. Without one, CloudFront's domain accepts TLS 1.0."
  type        = string
  default     = null

  validation {
    condition     = var.cdn_domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.cdn_domain_name))
    error_message = "cdn_domain_name must be a host name in lower case, such as \"files.example.com\", without https://."
  }
}

variable "cdn_certificate_arn" {
  description = "The ACM certificate of cdn_domain_name, in us-east-1 whatever the region of the deployment."
  type        = string
  default     = null

  validation {
    condition     = (var.cdn_certificate_arn == null) == (var.cdn_domain_name == null)
    error_message = "cdn_domain_name and cdn_certificate_arn belong together: set both or neither."
  }

  validation {
    condition     = var.cdn_certificate_arn == null || can(regex("^arn:[^:]+:acm:us-east-1:", var.cdn_certificate_arn))
    error_message = "cdn_certificate_arn must be the ARN of an ACM certificate in us-east-1: CloudFront takes no others."
  }
}

# Email

variable "sender_address" {
  description = "The sender's address of all emails."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._%+-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z]{2,}$", var.sender_address))
    error_message = "sender_address must be an email address, such as \"photos@example.com\"."
  }
}

variable "sender_name" {
  description = "The sender's display name."
  type        = string
  default     = "Darkroom"

  validation {
    condition     = can(regex("^[^[:cntrl:]<>\"\\\\]{1,61}$", var.sender_name))
    error_message = "sender_name must be one line of 1 to 61 characters, without < > \" and backslash. Umlauts, commas and dots are welcome: the function quotes and encodes them."
  }
}

variable "mail_domain" {
  description = "The domain to verify with SES, which signs its emails by DKIM. By default only the address is verified."
  type        = string
  default     = null

  validation {
    condition     = var.mail_domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.mail_domain))
    error_message = "mail_domain must be a domain in lower case, such as \"example.com\"."
  }

  validation {
    condition     = var.mail_domain == null || endswith(lower(".${split("@", "${var.sender_address}@")[1]}"), ".${coalesce(var.mail_domain, "-")}")
    error_message = "mail_domain must be the domain of sender_address, or one above it: SES sends for verified domains only."
  }
}

variable "mail_from_domain" {
  description = "The domain of the envelope's sender, such as `bounce.example.com`, so that SPF agrees with the sender's address."
  type        = string
  default     = null

  validation {
    condition     = var.mail_from_domain == null || (var.mail_domain != null && endswith(coalesce(var.mail_from_domain, "-"), ".${coalesce(var.mail_domain, "-")}"))
    error_message = "mail_from_domain must be a subdomain of mail_domain, and not mail_domain itself."
  }
}

variable "mail_identity_exists" {
  description = "The domain or address is verified in this account and region already, and this deployment does not create or destroy it."
  type        = bool
  default     = false

  validation {
    condition     = !(var.mail_identity_exists && var.mail_from_domain != null)
    error_message = "mail_from_domain belongs to an identity made here; with mail_identity_exists, set it where the identity is kept."
  }
}

# Safety and cost

variable "kms_enabled" {
  description = "Encrypt with a KMS key of this deployment (1 USD a month and its requests) instead of AWS's keys."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Refuse to destroy tables, users and buckets that are not empty."
  type        = bool
  default     = true
}

variable "access_log_bucket" {
  description = "The bucket for S3's access logs of both buckets. Its policy must let logging.s3.amazonaws.com put objects into it."
  type        = string
  default     = null
}

# Observability

variable "log_level" {
  description = "The lowest level that the functions log: `TRACE`, `DEBUG`, `INFO`, `WARN` or `ERROR`. Metrics are independent of it."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level must be \"TRACE\", \"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\"."
  }
}

variable "log_retention_days" {
  description = "The retention of logs in days."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic for alarms. By default a topic is created."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:.+$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of an SNS topic."
  }
}

variable "alarm_email" {
  description = "The address to which the deployment's own topic sends alarms. It must confirm the subscription."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || (var.alarm_topic_arn == null && can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email)))
    error_message = "alarm_email must be an email address, and needs the topic made here: subscribe it to your own alarm_topic_arn yourself."
  }
}

variable "uploader_studios" {
  description = "Studios that upload with an S3 client. The output uploader_policies has a policy for each."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for studio in var.uploader_studios : can(regex("^[a-z0-9-]{1,63}$", studio))])
    error_message = "uploader_studios must be names of studios: 1 to 63 characters of a-z, 0-9 and -."
  }
}

variable "import_sources" {
  description = "Places from which operators may import photos, by name: a bucket of this region, and the prefix of the keys. The functions may read them. `darkroom import` and `POST /imports` name them."
  type = map(object({
    bucket = string
    prefix = string
  }))
  default = {}

  validation {
    condition     = alltrue([for name, source in var.import_sources : can(regex("^[a-z0-9-]{1,63}$", name)) && length(source.bucket) > 0 && length(source.prefix) <= 1024])
    error_message = "import_sources must have names of 1 to 63 characters of a-z, 0-9 and -, each with a bucket and a prefix of at most 1,024 characters."
  }

  validation {
    condition     = length(jsonencode(var.import_sources)) <= 1000
    error_message = "import_sources must have 1,000 characters or fewer as JSON: the variables of a Lambda function have 4 KB in all."
  }
}
