# Delivery through CloudFront, if asked for. The distribution reads both buckets by origin access control and answers
# signed URLs only. The API signs them with a private key that the deployer stores in SSM: it is in neither plan nor state.

locals {
  # CloudFront's names are unique in the account, not in a region.
  cdn_name = "${var.name_prefix}-${local.region}"

  # The key with the highest number signs; the others are trusted as long as they are listed.
  cdn_keys          = { for number, pem in var.cdn_enabled ? var.cdn_public_keys : {} : tostring(tonumber(number)) => "${trimspace(pem)}\n" }
  cdn_key           = try(tostring(max([for number in keys(local.cdn_keys) : tonumber(number)]...)), null)
  cdn_key_parameter = local.cdn_key == null ? null : "/${var.name_prefix}/cdn-key-${local.cdn_key}"

  # Prefixes of `ObjectKey` in shared/domain/src/object_key.rs. A picture has the version of its processor in its key, and
  # an archive the number of its build. An original can be uploaded again, and no archive is fetched often.
  cdn_paths = {
    "archives/*"    = { bucket = "downloads", cached = false }
    "derivatives/*" = { bucket = "photos", cached = true }
    "originals/*"   = { bucket = "photos", cached = false }
  }
  # What the distribution may read.
  cdn_objects = { photos = ["derivatives/*", "originals/*"], downloads = ["archives/*.zip"] }

  # AWS's own cache policies have the same ids in every account.
  cdn_cache_policies = {
    caching_disabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  }

  cdn_domain = one([for distribution in aws_cloudfront_distribution.cdn : coalesce(var.cdn_domain_name, distribution.domain_name)])
  cdn_environment = merge([for distribution in aws_cloudfront_distribution.cdn : {
    CDN_DOMAIN        = local.cdn_domain
    CDN_KEY_ID        = aws_cloudfront_public_key.cdn[local.cdn_key].id
    CDN_KEY_PARAMETER = local.cdn_key_parameter
  }]...)
}

resource "aws_cloudfront_public_key" "cdn" {
  for_each = local.cdn_keys

  # A key cannot be changed, and a new one needs a name of its own.
  name        = "${local.cdn_name}-${each.key}-${substr(sha256(each.value), 0, 8)}"
  encoded_key = each.value

  lifecycle {
    # A key in a group cannot be deleted: the group changes first.
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "cdn" {
  count = var.cdn_enabled ? 1 : 0

  name  = local.cdn_name
  items = values(aws_cloudfront_public_key.cdn)[*].id
}

resource "aws_cloudfront_origin_access_control" "cdn" {
  count = var.cdn_enabled ? 1 : 0

  name                              = local.cdn_name
  description                       = "Signs CloudFront's requests to both buckets."
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

# The file name reaches S3. CloudFront removes its own parameters, and no others pass.
resource "aws_cloudfront_origin_request_policy" "cdn" {
  count = var.cdn_enabled ? 1 : 0

  name    = "${local.cdn_name}-files"
  comment = "File names of downloads."

  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "none"
  }
  query_strings_config {
    query_string_behavior = "whitelist"
    query_strings {
      items = ["response-content-disposition", "response-content-type"]
    }
  }
}

# The customers' page fetches files for a phone's photo library.
resource "aws_cloudfront_response_headers_policy" "cdn" {
  count = var.cdn_enabled ? 1 : 0

  name    = local.cdn_name
  comment = "The customers' page may read files."

  cors_config {
    access_control_allow_credentials = false
    access_control_max_age_sec       = 3600
    origin_override                  = true
    access_control_allow_headers {
      items = ["range"]
    }
    access_control_allow_methods {
      items = ["GET", "HEAD"]
    }
    access_control_allow_origins {
      items = [local.public_url]
    }
  }
  security_headers_config {
    content_type_options {
      override = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}

# Part of the buckets' policies.
data "aws_iam_policy_document" "cdn" {
  for_each = var.cdn_enabled ? local.cdn_objects : {}

  statement {
    sid       = "Cdn"
    actions   = ["s3:GetObject"]
    resources = [for pattern in each.value : "arn:${local.partition}:s3:::${local.buckets[each.key]}/${pattern}"]
    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = aws_cloudfront_distribution.cdn[*].arn
    }
  }
}

resource "aws_cloudfront_distribution" "cdn" {
  #checkov:skip=CKV_AWS_86:CloudFront's log would store signed URLs. Originals and archives are not cached, so S3's access log has each download.
  #checkov:skip=CKV_AWS_68:A firewall costs per request; unsigned requests are refused without one. `web_acl_id` is ignored, so one can be attached.
  #checkov:skip=CKV2_AWS_47:The same.
  #checkov:skip=CKV_AWS_174:With CloudFront's own domain AWS sets the TLS version; with cdn_domain_name it is 1.2.
  #checkov:skip=CKV2_AWS_42:The same.
  #checkov:skip=CKV_AWS_305:There is no page at the root.
  #checkov:skip=CKV_AWS_310:Each object is in one bucket; when CloudFront cannot be used, the API signs URLs of S3.
  #checkov:skip=CKV_AWS_374:Customers are anywhere.
  count = var.cdn_enabled ? 1 : 0

  comment         = "${local.cdn_name}: files and pictures for customers"
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.cdn_price_class
  aliases         = var.cdn_domain_name == null ? [] : [var.cdn_domain_name]
  tags            = local.tags

  dynamic "origin" {
    for_each = local.buckets
    content {
      origin_id                = origin.key
      domain_name              = aws_s3_bucket.this[origin.key].bucket_regional_domain_name
      origin_access_control_id = aws_cloudfront_origin_access_control.cdn[0].id
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.cdn_paths
    content {
      path_pattern               = ordered_cache_behavior.key
      target_origin_id           = ordered_cache_behavior.value.bucket
      allowed_methods            = ["GET", "HEAD"]
      cached_methods             = ["GET", "HEAD"]
      viewer_protocol_policy     = "https-only"
      trusted_key_groups         = [aws_cloudfront_key_group.cdn[0].id]
      cache_policy_id            = ordered_cache_behavior.value.cached ? local.cdn_cache_policies.caching_optimized : local.cdn_cache_policies.caching_disabled
      origin_request_policy_id   = ordered_cache_behavior.value.cached ? null : aws_cloudfront_origin_request_policy.cdn[0].id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.cdn[0].id
      compress                   = false
    }
  }

  # For all other paths no URL is signed, and the bucket's policy refuses them.
  default_cache_behavior {
    target_origin_id           = "photos"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "https-only"
    trusted_key_groups         = [aws_cloudfront_key_group.cdn[0].id]
    cache_policy_id            = local.cdn_cache_policies.caching_disabled
    response_headers_policy_id = aws_cloudfront_response_headers_policy.cdn[0].id
    compress                   = false
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.cdn_domain_name == null
    acm_certificate_arn            = var.cdn_certificate_arn
    ssl_support_method             = var.cdn_domain_name == null ? null : "sni-only"
    # CloudFront's own certificate goes with TLSv1 only, whatever is asked for.
    minimum_protocol_version = var.cdn_domain_name == null ? "TLSv1" : "TLSv1.2_2021"
  }

  lifecycle {
    # When the CDN is given up, the API stops signing URLs before the distribution is deleted.
    create_before_destroy = true
    ignore_changes        = [web_acl_id]
  }
}
