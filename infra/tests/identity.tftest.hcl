# The deployment's own user pool, which the deployment test lacks: it has an issuer of its own.

run "machines_sign_in_to_our_pool" {
  command = plan

  variables {
    jwt_issuer      = null
    jwt_audience    = []
    machine_sign_in = true
    machine_clients = { "4k1example" = "anna" }
  }

  assert {
    condition     = endswith(aws_cognito_user_pool_domain.this[0].domain, "-${local.account}")
    error_message = "The token endpoint's name must be unique in the region."
  }

  assert {
    condition     = [for scope in aws_cognito_resource_server.this[0].scope : scope.scope_name] == ["studio"]
    error_message = "A client asks for the scope darkroom/studio."
  }
}

run "users_neither_name_their_studio_nor_sign_up" {
  command = plan

  variables {
    jwt_issuer   = null
    jwt_audience = []
  }

  assert {
    condition     = length(aws_cognito_user_pool_domain.this) + length(aws_cognito_resource_server.this) == 0
    error_message = "Without machine_sign_in there is no token endpoint."
  }

  assert {
    condition     = aws_cognito_user_pool_client.this[0].write_attributes == toset(["email", "name"])
    error_message = "Users must not be able to write attributes that name their studio."
  }

  assert {
    condition     = aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Only administrators may make users."
  }

  assert {
    condition     = contains(aws_cognito_user_pool.this[0].user_attribute_update_settings[0].attributes_require_verification_before_update, "email")
    error_message = "An address must be verified before it replaces a verified one."
  }
}
