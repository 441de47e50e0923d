# The issuer of tokens: an external one, or a user pool of the deployment. In the pool only administrators create users
# and set their studio. The claims are in its ID tokens, not its access tokens. Machine clients have access tokens only,
# without these claims: machine_clients maps each client to its studio.

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

  # After a change of address a user keeps the old one until the new one is verified.
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
  # The second flow is for callers with the account's credentials, such as an operator with the AWS command line.
  explicit_auth_flows           = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  read_attributes               = ["custom:darkroom_role", "custom:darkroom_studio", "email", "email_verified", "name"]
  # By default users may write every attribute: a user could move to another studio, or become an operator.
  write_attributes = ["email", "name"]
}

# The pool's parts for machine clients: a token endpoint, and a scope. The clients themselves are created by command
# (docs/OPERATIONS.md, "Machine clients"), because Terraform would store their secrets in the state.

resource "aws_cognito_resource_server" "this" {
  count = var.machine_sign_in ? 1 : 0

  user_pool_id = aws_cognito_user_pool.this[0].id
  identifier   = "darkroom"
  name         = "Darkroom"

  scope {
    scope_name        = "studio"
    scope_description = "Acts for the studio that machine_clients maps the client to."
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  count = var.machine_sign_in ? 1 : 0

  # The account id makes the name unique in the region.
  domain       = "${var.name_prefix}-${local.account}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}
