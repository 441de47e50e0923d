# Who issues tokens: yours, or a user pool made here. In the pool only administrators make users and name their studio;
# its ID tokens, not its access tokens, bear the claims. Machine clients have access tokens only, without claims of ours:
# machine_clients says for which studio each acts.

locals {
  pool_count     = var.jwt_issuer == null ? 1 : 0
  claim_prefix   = var.jwt_issuer == null ? "custom:" : ""
  studio_claim   = coalesce(var.studio_claim, "${local.claim_prefix}darkroom_studio")
  operator_claim = coalesce(var.operator_claim, "${local.claim_prefix}darkroom_role=operator")
  jwt_issuer     = var.jwt_issuer == null ? "https://${aws_cognito_user_pool.this[0].endpoint}" : var.jwt_issuer
  # Cognito's access tokens have no `aud`. API Gateway then compares `client_id` with the audiences.
  jwt_audience = concat(
    var.jwt_issuer == null ? [aws_cognito_user_pool_client.this[0].id] : var.jwt_audience,
    keys(var.machine_clients),
  )
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

  # A user who changes the address keeps the old one until the new one is verified.
  user_attribute_update_settings {
    attributes_require_verification_before_update = ["email"]
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

# What machine clients need of the pool: an address that issues tokens, and a scope to ask for. The clients themselves are
# made by command (docs/OPERATIONS.md, "Machine clients"): Terraform would keep their secrets in the state.

resource "aws_cognito_resource_server" "this" {
  count = var.machine_sign_in ? 1 : 0

  user_pool_id = aws_cognito_user_pool.this[0].id
  identifier   = "darkroom"
  name         = "Darkroom"

  scope {
    scope_name        = "studio"
    scope_description = "Acts for the studio that machine_clients names."
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  count = var.machine_sign_in ? 1 : 0

  # The account makes it unique in the region.
  domain       = "${var.name_prefix}-${local.account}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}
