# The secrets of customer links and of webhooks. They are created during apply and written without passing through plan or state.

ephemeral "aws_secretsmanager_random_password" "link" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_ssm_parameter" "link_secret" {
  name        = "/${var.name_prefix}/link-secret"
  description = "Signs customer links. Format: version:secret."
  type        = "SecureString"
  key_id      = local.kms_key_arn
  tags        = local.tags

  # Each apply generates a password; it is written only when the version changes.
  value_wo         = "${var.link_secret_version}:${ephemeral.aws_secretsmanager_random_password.link.random_password}"
  value_wo_version = var.link_secret_version
}

ephemeral "aws_secretsmanager_random_password" "webhook" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_ssm_parameter" "webhook_secret" {
  name        = "/${var.name_prefix}/webhook-secret"
  description = "Key from which the secrets of all webhooks are derived."
  type        = "SecureString"
  key_id      = local.kms_key_arn
  tags        = local.tags

  value_wo         = ephemeral.aws_secretsmanager_random_password.webhook.random_password
  value_wo_version = var.webhook_secret_version
}
