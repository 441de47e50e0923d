output "api_url" {
  description = "The base URL of the API and of the customers' links."
  value       = local.public_url
}

output "api_id" {
  description = "The HTTP API's id."
  value       = aws_apigatewayv2_api.this.id
}

output "domain_target" {
  description = "The DNS target of domain_name (alias or CNAME): name and hosted zone. Null without a domain."
  value = one([for domain in aws_apigatewayv2_domain_name.this : {
    name    = domain.domain_name_configuration[0].target_domain_name
    zone_id = domain.domain_name_configuration[0].hosted_zone_id
  }])
}

output "mail_dns_records" {
  description = "DNS records that SES requires: three for DKIM, and those of mail_from_domain."
  value = concat(
    [for token in flatten([for identity in aws_sesv2_email_identity.this : var.mail_domain == null ? [] : identity.dkim_signing_attributes[0].tokens]) :
      { type = "CNAME", name = "${token}._domainkey.${var.mail_domain}", value = "${token}.dkim.amazonses.com" }
    ],
    var.mail_from_domain == null ? [] : [
      { type = "MX", name = var.mail_from_domain, value = "10 feedback-smtp.${local.region}.amazonses.com" },
      { type = "TXT", name = var.mail_from_domain, value = "v=spf1 include:amazonses.com ~all" },
    ],
  )
}

output "jwt_issuer" {
  description = "The issuer whose tokens are accepted."
  value       = local.jwt_issuer
}

output "jwt_audience" {
  description = "The audiences whose tokens are accepted, including machine clients; with the deployment's own pool, its client's id."
  value       = local.jwt_audience
}

output "user_pool_id" {
  description = "The deployment's own Cognito user pool, or null."
  value       = one(aws_cognito_user_pool.this[*].id)
}

output "user_pool_client_id" {
  description = "The client of that pool for users' sign-in, or null."
  value       = one(aws_cognito_user_pool_client.this[*].id)
}

output "machine_sign_in" {
  description = "The token endpoint and scope for machine clients of the deployment's own pool; null without machine_sign_in."
  value = one([for server in aws_cognito_resource_server.this : {
    token_url = "${local.login_url}/oauth2/token"
    scope     = one(server.scope_identifiers)
  }])
}

output "console_url" {
  description = "The operators' console. An issuer of your own must allow it as callback and for sign-out."
  value       = local.console_url
}

output "console_client_id" {
  description = "The console's client at the issuer, or null."
  value       = local.console_client_id
}

output "studio_claim" {
  description = "The claim that names the studio."
  value       = local.studio_claim
}

output "operator_claim" {
  description = "The claim that marks operators, as name=value."
  value       = local.operator_claim
}

output "buckets" {
  description = "Bucket names: photos, downloads."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "uploader_policies" {
  description = "Policies as JSON for the S3 clients of uploader_studios, by studio: upload to incoming/STUDIO/, list there, and resume or abort own uploads."
  value       = { for studio, document in data.aws_iam_policy_document.uploader : studio => document.json }
}

output "tables" {
  description = "Table names by content."
  value       = local.table_names
}

output "queues" {
  description = "Queue and dead-letter queue URLs, by queue."
  value       = { for queue, url in local.queue_urls : queue => { url = url, dlq_url = local.dlq_urls[queue] } }
}

output "functions" {
  description = "Function, role and log group names, by function."
  value = merge(
    { api = { name = module.api.function_name, role = module.api.role_name, log_group = module.api.log_group_name } },
    { for function, worker in module.worker : function => { name = worker.function_name, role = worker.role_name, log_group = worker.log_group_name } },
  )
}

output "alarm_topic_arn" {
  description = "The topic for alarms."
  value       = local.alarm_topic_arn
}

output "dashboard_url" {
  description = "The URL of the dashboard in the console."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards:name=${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "link_secret_parameter" {
  description = "The name of the parameter with the link secret."
  value       = aws_ssm_parameter.link_secret.name
}

output "cdn" {
  description = "The CDN: its distribution's id, its domain for URLs, and the domain that cdn_domain_name must point to. Null without a CDN."
  value = one([for distribution in aws_cloudfront_distribution.cdn : {
    id     = distribution.id
    domain = local.cdn_domain
    target = distribution.domain_name
  }])
}

output "cdn_key_parameter" {
  description = "The name of the SSM parameter (SecureString) in which the API expects the private key of the CDN's newest public key. Null without a CDN."
  value       = local.cdn_key_parameter
}

output "kms_key_arn" {
  description = "The deployment's own key, or null."
  value       = local.kms_key_arn
}
