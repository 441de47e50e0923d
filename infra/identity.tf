# Who issues tokens: yours, or a user pool made here. In the pool only administrators make users and name their studio;
# its ID tokens, not its access tokens, bear the claims.

locals {
  pool_count     = var.jwt_issuer == null ? 1 : 0
  claim_prefix   = var.jwt_issuer == null ? "custom:" : ""
  studio_claim   = coalesce(var.studio_claim, "${local.claim_prefix}darkroom_studio")
  operator_claim = coalesce(var.operator_claim, "${local.claim_prefix}darkroom_role=operator")
  jwt_issuer     = var.jwt_issuer == null ? "https://${aws_cognito_user_pool.this[0].endpoint}" : var.jwt_issuer
  jwt_audience   = var.jwt_issuer == null ? [aws_cognito_user_pool_client.this[0].id] : var.jwt_audience
}

resource "aws_cognito_user_pool" "this" {
  count = local.pool_count

  name                     = var.name_prefix
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"
  tags                     = local.tags

  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  password_policy {
    minimum_length                   = 14
    require_lowercase                = false
    require_numbers                  = false
    require_symbols                  = false
    require_uppercase                = false
    temporary_password_validity_days = 7
  }

  software_token_mfa_configuration {
    enabled = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  schema {
    name                = "darkroom_studio"
    attribute_data_type = "String"
    mutable             = true
    string_attribute_constraints {
      min_length = "1"
      max_length = "63"
    }
  }

  schema {
    name                = "darkroom_role"
    attribute_data_type = "String"
    mutable             = true
    string_attribute_constraints {
      min_length = "1"
      max_length = "63"
    }
  }
}

resource "aws_cognito_user_pool_client" "this" {
  count = local.pool_count

  name         = "shop"
  user_pool_id = aws_cognito_user_pool.this[0].id
  # The second is for whoever has the account's credentials, such as an operator with the AWS command line.
  explicit_auth_flows           = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  read_attributes               = ["custom:darkroom_role", "custom:darkroom_studio", "email", "email_verified", "name"]
  # By default users may write every attribute: one could move into another studio, or become an operator.
  write_attributes = ["email", "name"]
}
