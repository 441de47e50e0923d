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
    condition     = length(aws_cognito_resource_server.this) == 0
    error_message = "Without machine_sign_in no machine has a scope to ask for."
  }

  assert {
    condition     = aws_cognito_user_pool_client.console[0].allowed_oauth_flows == toset(["code"]) && !aws_cognito_user_pool_client.console[0].generate_secret
    error_message = "The console is a page: its client has no secret, and gets a code."
  }

  assert {
    condition     = aws_cognito_user_pool_client.console[0].write_attributes == toset(["email", "name"])
    error_message = "Operators must not be able to write attributes that name their studio."
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

run "console_of_an_issuer_has_the_client_that_is_named" {
  command = plan

  variables {
    jwt_issuer        = "https://login.example.com/"
    jwt_audience      = ["shop"]
    machine_clients   = {}
    console_client_id = "operators"
  }

  assert {
    condition     = local.jwt_audience == tolist(["shop", "operators"])
    error_message = "The authorizer must accept the console's tokens."
  }

  assert {
    condition     = local.console_environment == { CONSOLE_ISSUER = "https://login.example.com/", CONSOLE_CLIENT_ID = "operators" }
    error_message = "The console must know issuer and client."
  }
}

run "console_of_an_issuer_without_a_client_signs_nobody_in" {
  command = plan

  variables {
    jwt_issuer      = "https://login.example.com/"
    jwt_audience    = ["shop"]
    machine_clients = {}
  }

  assert {
    condition     = length(local.console_environment) == 0 && local.jwt_audience == tolist(["shop"])
    error_message = "Without a client of the console nothing changes."
  }
}
