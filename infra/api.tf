# The HTTP API. Every route requires a JWT except those for customers and monitors.

locals {
  public_url = var.domain_name == null ? aws_apigatewayv2_api.this.api_endpoint : "https://${var.domain_name}"

  # Everything below a customer's link, so that wrong addresses and methods get a page too.
  link_route = "ANY /d/{proxy+}"
  open_routes = concat(
    [local.link_route, "GET /console", "GET /console/{file}", "GET /health", "GET /logos/{studio}/{file}", "GET /openapi.json"],
    # $default receives preflight requests too, and those have no token. With CORS set, API Gateway answers them itself.
    length(var.cors_origins) > 0 ? ["OPTIONS /{proxy+}"] : [],
  )
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name_prefix
  description   = "The photographer's web shop: photos, orders, downloads, emails."
  protocol_type = "HTTP"
  # With a custom domain, the default endpoint is closed.
  disable_execute_api_endpoint = var.domain_name != null
  tags                         = local.tags

  dynamic "cors_configuration" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []
    content {
      allow_origins  = cors_configuration.value
      allow_methods  = ["DELETE", "GET", "POST", "PUT"]
      allow_headers  = ["authorization", "content-type", "idempotency-key", "if-none-match"]
      expose_headers = ["etag", "retry-after"]
      max_age        = 3600
    }
  }
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = local.jwt_issuer
    audience = local.jwt_audience
  }
}

resource "aws_apigatewayv2_integration" "api" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.api.invoke_arn
  payload_format_version = "2.0"
  # API Gateway's maximum. The function's own timeout is a second shorter, so that the function reports the error.
  timeout_milliseconds = 30000
}

resource "aws_apigatewayv2_route" "default" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.api.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_apigatewayv2_route" "open" {
  #checkov:skip=CKV_AWS_309:Customers have no login: the signed token in the path authorizes them. Health and API description are public.
  for_each = toset(local.open_routes)

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.api.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
  tags        = local.tags

  # Metrics per route cost extra, and neither the dashboard nor an alarm uses them: the access log has the routes.
  default_route_settings {
    throttling_rate_limit    = var.throttling.rate
    throttling_burst_limit   = var.throttling.burst
    detailed_metrics_enabled = false
  }

  # Anybody can call this route: a flood of requests must not use up the shop's rate.
  route_settings {
    route_key                = local.link_route
    throttling_rate_limit    = var.throttling.link_rate
    throttling_burst_limit   = var.throttling.link_burst
    detailed_metrics_enabled = false
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # The path of a customer's link authorizes its holder, so only the route is logged.
    format = jsonencode({
      requestId   = "$context.requestId"
      requestTime = "$context.requestTime"
      # The same name as in the function's log.
      functionRequestId  = "$context.integration.requestId"
      sourceIp           = "$context.identity.sourceIp"
      routeKey           = "$context.routeKey"
      status             = "$context.status"
      responseLength     = "$context.responseLength"
      responseLatency    = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
      integrationError   = "$context.integrationErrorMessage"
      authorizerError    = "$context.authorizer.error"
    })
  }

  # A stage rejects settings of routes that do not exist.
  depends_on = [aws_apigatewayv2_route.default, aws_apigatewayv2_route.open]
}

# Groups under /aws/vendedlogs/ do not use up the account's log resource policy, which API Gateway adds to.
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/vendedlogs/${var.name_prefix}-access"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
  tags              = local.tags
}

module "api" {
  source = "./modules/function"

  name = "${var.name_prefix}-api"
  # The secret is read once per instance, so a new version must start new instances.
  description             = "HTTP API; link secret version ${aws_ssm_parameter.link_secret.value_wo_version}, webhook secret version ${aws_ssm_parameter.webhook_secret.value_wo_version}"
  package                 = "${local.packages_dir}/api/bootstrap.zip"
  architecture            = var.architecture
  memory_mb               = 512
  timeout_seconds         = 29
  policy_json             = data.aws_iam_policy_document.api.json
  reserved_concurrency    = lookup(var.reserved_concurrency, "api", null)
  code_signing_config_arn = var.code_signing_config_arn
  tracing                 = var.tracing
  log_retention_days      = var.log_retention_days
  log_level               = var.log_level
  kms_key_arn             = local.kms_key_arn
  alarm_actions           = local.alarm_actions
  tags                    = local.tags

  environment = merge(
    { for table, name in local.table_names : "${upper(table)}_TABLE" => name },
    { for bucket, resource in aws_s3_bucket.this : "${upper(bucket)}_BUCKET" => resource.id },
    { for queue, url in local.queue_urls : "${upper(queue)}_QUEUE_URL" => url },
    { for queue, url in local.dlq_urls : "${upper(queue)}_DLQ_URL" => url },
    # No synchronous request runs a job of other queues.
    { for queue, worker in local.queues : "${replace(upper(worker.function), "-", "_")}_FUNCTION" => module.worker[worker.function].function_name if !contains(local.asynchronous, worker.function) },
    {
      DOWNLOAD_RETENTION_DAYS  = tostring(var.download_retention_days)
      IMPORT_SOURCES           = jsonencode(var.import_sources)
      LINK_SECRET_PARAMETER    = aws_ssm_parameter.link_secret.name
      WEBHOOK_SECRET_PARAMETER = aws_ssm_parameter.webhook_secret.name
      MACHINE_CLIENTS          = jsonencode(var.machine_clients)
      OPERATOR_CLAIM           = local.operator_claim
      PUBLIC_URL               = local.public_url
      STUDIO_CLAIM             = local.studio_claim
    },
    local.console_environment,
    local.cdn_environment,
  )
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api-gateway"
  action        = "lambda:InvokeFunction"
  function_name = module.api.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}

resource "aws_apigatewayv2_domain_name" "this" {
  count = var.domain_name == null ? 0 : 1

  domain_name = var.domain_name
  tags        = local.tags

  domain_name_configuration {
    certificate_arn = var.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  count = var.domain_name == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this[0].id
  stage       = aws_apigatewayv2_stage.default.id
}
