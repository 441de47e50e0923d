# Invalid values fail the plan with a sentence of their variable. The deployment test runs these against its emulator,
# since mocked providers do not support ephemeral resources.

run "malformed" {
  command = plan

  variables {
    name_prefix                  = "Dark_Room"
    architecture                 = "mips"
    max_concurrency              = { archive-builder = 1 }
    reserved_concurrency         = { thumbnailer = 5 }
    code_signing_config_arn      = "signed"
    retry_backoff_seconds        = 0
    download_retention_days      = 0
    archive_preference           = "best"
    archive_checksums            = "md5"
    original_recovery_days       = 0.5
    personal_data_retention_days = 0
    cors_origins                 = ["*"]
    jwt_issuer                   = "http://login.example.com"
    studio_claim                 = "the studio"
    operator_claim               = "operator"
    machine_clients              = { "4k1example" = "An na" }
    throttling                   = { rate = 0 }
    domain_name                  = "https://photos.example.com"
    link_secret_version          = 256
    sender_address               = "photos"
    sender_name                  = "Anna <anna@example.com>"
    log_retention_days           = 8
    alarm_topic_arn              = "alarms"
  }

  expect_failures = [
    var.name_prefix,
    var.architecture,
    var.max_concurrency,
    var.reserved_concurrency,
    var.code_signing_config_arn,
    var.retry_backoff_seconds,
    var.download_retention_days,
    var.archive_preference,
    var.archive_checksums,
    var.original_recovery_days,
    var.personal_data_retention_days,
    var.cors_origins,
    var.jwt_issuer,
    var.studio_claim,
    var.operator_claim,
    var.machine_clients,
    var.throttling,
    var.domain_name,
    var.link_secret_version,
    var.sender_address,
    var.sender_name,
    var.log_retention_days,
    var.alarm_topic_arn,
  ]
}

# A validation of two variables waits until the other one is valid, so these have runs of their own.
run "malformed_beside_valid_ones" {
  command = plan

  variables {
    domain_name      = "photos.example.com"
    certificate_arn  = "certificate"
    mail_domain      = "example.com"
    mail_from_domain = "example.com"
  }

  expect_failures = [var.certificate_arn, var.mail_from_domain]
}

run "contradicting" {
  command = plan

  variables {
    jwt_issuer      = "https://login.example.com"
    jwt_audience    = []
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
    sender_address  = "photos@example.com"
    mail_domain     = "example.org"
    alarm_topic_arn = "arn:aws:sns:us-east-1:000000000000:alarms"
    alarm_email     = "oncall@example.com"
    machine_sign_in = true
  }

  expect_failures = [var.jwt_audience, var.certificate_arn, var.mail_domain, var.alarm_email, var.machine_sign_in]
}

run "an_identity_that_is_not_ours_to_change" {
  command = plan

  variables {
    mail_domain          = "example.com"
    mail_from_domain     = "bounce.example.com"
    mail_identity_exists = true
  }

  expect_failures = [var.mail_identity_exists]
}
