# Delivery through CloudFront. The emulator of the deployment test does not have it, so only plans are tested.

variables {
  first  = <<-PEM
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsUdpOKj69Q0X41ozLxL+NFUyKaYf
    j/zC2QRhARFeGI8U3dbn+GqClA5FJMyI52J6FVhdiYjOKRFMJUoe8MzWlA==
    -----END PUBLIC KEY-----
  PEM
  second = <<-PEM
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEY65CaaBY4MVGGBfyeESo5Hbw68S7
    etxFiZDzlBverg7YaSlCjBBGcjdbxapVok8Qy7gvJn4Q0vYWbjOXmrGslQ==
    -----END PUBLIC KEY-----
  PEM
}

# AWS chooses the id.
override_resource {
  target          = aws_cloudfront_key_group.cdn
  override_during = plan
  values          = { id = "key-group" }
}

override_resource {
  target          = aws_cloudfront_distribution.cdn
  override_during = plan
  values          = { arn = "arn:aws:cloudfront::000000000000:distribution/EDFDVBD6EXAMPLE" }
}

run "no_cdn_by_default" {
  command = plan

  assert {
    condition     = length(aws_cloudfront_distribution.cdn) + length(aws_cloudfront_public_key.cdn) + length(local.cdn_environment) == 0
    error_message = "Without cdn_enabled there is no CDN, and the API knows of none."
  }

  assert {
    condition     = local.cdn_key_parameter == null
    error_message = "Without a CDN the API reads no key."
  }
}

run "signed_urls_only" {
  command = plan

  variables {
    cdn_enabled     = true
    cdn_public_keys = { 9 = var.first, 10 = var.second }
    kms_enabled     = true
  }

  assert {
    condition     = { for behaviour in aws_cloudfront_distribution.cdn[0].ordered_cache_behavior : behaviour.path_pattern => behaviour.target_origin_id } == { "archives/*" = "downloads", "derivatives/*" = "photos", "originals/*" = "photos" }
    error_message = "Each prefix leads to its bucket."
  }

  assert {
    condition     = alltrue([for behaviour in concat(aws_cloudfront_distribution.cdn[0].ordered_cache_behavior, aws_cloudfront_distribution.cdn[0].default_cache_behavior) : behaviour.trusted_key_groups == tolist(["key-group"]) && behaviour.viewer_protocol_policy == "https-only" && behaviour.allowed_methods == toset(["GET", "HEAD"])])
    error_message = "Each path needs a signature and TLS, and can only be read."
  }

  assert {
    condition     = [for behaviour in aws_cloudfront_distribution.cdn[0].ordered_cache_behavior : behaviour.path_pattern if behaviour.cache_policy_id != local.cdn_cache_policies.caching_disabled] == ["derivatives/*"]
    error_message = "Pictures are cached, and nothing else."
  }

  assert {
    condition     = local.cdn_key_parameter == "/${var.name_prefix}/cdn-key-10" && length(aws_cloudfront_public_key.cdn) == 2
    error_message = "The highest number signs, and all keys are trusted."
  }

  assert {
    condition     = aws_cloudfront_origin_request_policy.cdn[0].query_strings_config[0].query_strings[0].items == toset(["response-content-disposition", "response-content-type"])
    error_message = "S3 gets the file name, and no other parameter."
  }
}

run "distribution_reads_what_customers_get" {
  command = plan

  variables {
    cdn_enabled     = true
    cdn_public_keys = { 1 = var.first }
    kms_enabled     = true
  }

  assert {
    condition     = toset(flatten([for document in data.aws_iam_policy_document.cdn : [for statement in document.statement : [for resource in statement.resources : trimprefix(resource, "arn:aws:s3:::${var.name_prefix}-")]]])) == toset([for object in ["downloads/archives/*.zip", "photos/derivatives/*", "photos/originals/*"] : replace(object, "/^([a-z]+)/", "$1-${local.account}-${local.region}")])
    error_message = "CloudFront may read archives, originals and pictures: no index, no upload, no sidecar."
  }

  assert {
    condition     = toset(flatten([for document in data.aws_iam_policy_document.cdn : [for statement in document.statement : [for condition in statement.condition : [for value in condition.values : "${condition.test} ${condition.variable} ${value}"]]]])) == toset(["StringEquals aws:SourceArn ${aws_cloudfront_distribution.cdn[0].arn}"])
    error_message = "The buckets trust this distribution, and no other one."
  }

  assert {
    condition     = [for one in jsondecode(aws_kms_key.this[0].policy).Statement : one.Condition.StringEquals["aws:SourceArn"] if one.Sid == "Cdn"] == [aws_cloudfront_distribution.cdn[0].arn]
    error_message = "The key trusts this distribution, and no other one."
  }
}

run "own_domain_has_tls_1_2" {
  command = plan

  variables {
    cdn_enabled         = true
    cdn_public_keys     = { 1 = var.first }
    cdn_domain_name     = "files.example.com"
    cdn_certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
  }

  assert {
    condition     = aws_cloudfront_distribution.cdn[0].viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && aws_cloudfront_distribution.cdn[0].aliases == toset(["files.example.com"])
    error_message = "A domain of one's own accepts TLS 1.2 and later."
  }
}

run "no_key" {
  command = plan

  variables {
    cdn_enabled = true
  }

  expect_failures = [var.cdn_enabled]
}

run "private_key_in_place_of_the_public_one" {
  command = plan

  variables {
    cdn_enabled         = true
    cdn_public_keys     = { 0 = replace(var.first, "PUBLIC", "PRIVATE") }
    cdn_price_class     = "PriceClass_300"
    cdn_domain_name     = "https://files.example.com"
    cdn_certificate_arn = "arn:aws:acm:eu-central-1:000000000000:certificate/1"
  }

  expect_failures = [var.cdn_public_keys, var.cdn_price_class, var.cdn_domain_name]
}

run "certificate_of_another_region" {
  command = plan

  variables {
    cdn_enabled         = true
    cdn_public_keys     = { 1 = var.first }
    cdn_domain_name     = "files.example.com"
    cdn_certificate_arn = "arn:aws:acm:eu-central-1:000000000000:certificate/1"
  }

  expect_failures = [var.cdn_certificate_arn]
}
