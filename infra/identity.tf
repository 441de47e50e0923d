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
  jwt_audience = distinct(concat(
    var.jwt_issuer == null ? [aws_cognito_user_pool_client.this[0].id] : var.jwt_audience,
    local.console_client_id == null ? [] : [local.console_client_id],
    keys(var.machine_clients),
  ))

  # The pool's pages and its token endpoint have a domain, which Cognito refuses with these words in it.
  domain_count      = local.pool_count == 1 && !can(regex("aws|amazon|cognito", var.name_prefix)) ? 1 : 0
  console_client_id = var.jwt_issuer == null ? one(aws_cognito_user_pool_client.console[*].id) : var.console_client_id
  console_url       = "${local.public_url}/console"
  login_url         = one([for domain in aws_cognito_user_pool_domain.this : "https://${domain.domain}.auth.${local.region}.amazoncognito.com"])
  console_environment = { for name, value in {
    CONSOLE_ISSUER       = local.console_client_id == null ? null : local.jwt_issuer
    CONSOLE_CLIENT_ID    = local.console_client_id
    CONSOLE_TOKEN_ORIGIN = var.jwt_issuer == null ? local.login_url : var.console_token_origin
  } : name => value if value != null }
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

# The operators' console: a page, which can keep no secret. It proves by PKCE that the code is its own.
resource "aws_cognito_user_pool_client" "console" {
  count = local.domain_count

  name                                 = "console"
  user_pool_id                         = aws_cognito_user_pool.this[0].id
  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid"]
  supported_identity_providers         = ["COGNITO"]
  callback_urls                        = [local.console_url]
  logout_urls                          = [local.console_url]
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors        = "ENABLED"
  enable_token_revocation              = true
  # The page keeps its refresh token in memory, for a working day at most.
  refresh_token_validity = 12
  read_attributes        = aws_cognito_user_pool_client.this[0].read_attributes
  write_attributes       = ["email", "name"]

  token_validity_units {
    refresh_token = "hours"
  }
}

# The pool's part for machine clients: a scope. The clients themselves are created by command (docs/OPERATIONS.md,
# "Machine clients"), because Terraform would store their secrets in the state.

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

# The pages at which the console's operators sign in, and the token endpoint of console and machines.
resource "aws_cognito_user_pool_domain" "this" {
  count = local.domain_count

  # The account id makes the name unique in the region.
  domain       = "${var.name_prefix}-${local.account}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}
