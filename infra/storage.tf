# Two private buckets. Photos has originals and the pictures made from them; downloads has archives, which can be built
# again at any time.

locals {
  # Account and region make the names globally unique.
  buckets = { for name in ["photos", "downloads"] :
    name => "${var.name_prefix}-${name}-${local.account}-${local.region}"
  }
  bucket_arns = { for name, bucket in aws_s3_bucket.this : name => bucket.arn }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:A copy in another region doubles the cost of storage; a replication rule on the bucket can add one.
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key_arn
    }
    # One data key serves many objects. Without it, each part of an archive would cost a request to KMS.
    bucket_key_enabled = var.kms_enabled
  }
}

# Versions protect originals. The downloads bucket has none: versions of its work objects would be kept, and billed,
# after their deletion.
resource "aws_s3_bucket_versioning" "this" {
  for_each = { for name, bucket in local.buckets : name => bucket if name == "photos" }

  bucket = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

# The prefixes whose objects expire, and the days after which they do.
locals {
  # An upload is deleted once its photo is ready. Files that are no photos stay for this time.
  incoming_days = 30

  # An upload of a photo can be resumed as long as its record awaits it: the URLs of its parts are renewed for 7 days
  # (`MULTIPART_LIVES` in shared/domain/src/photo/state.rs). An archive that is not complete after a day is built anew.
  upload_days = { photos = 7, downloads = 1 }
  expirations = {
    photos    = { incoming = local.incoming_days }
    downloads = { work = 1, archives = var.download_retention_days }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = local.upload_days[each.key]
    }
  }

  dynamic "rule" {
    for_each = local.expirations[each.key]
    content {
      id     = rule.key
      status = "Enabled"
      filter {
        prefix = "${rule.key}/"
      }
      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "photos" ? [var.original_recovery_days] : []
    content {
      id     = "old-versions"
      status = "Enabled"
      filter {}
      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  # S3 rejects rules about versions until versioning is configured.
  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "bucket" {
  for_each = aws_s3_bucket.this

  source_policy_documents = [for bucket, document in data.aws_iam_policy_document.cdn : document.json if bucket == each.key]

  # Nobody but its uploader could read such a file.
  dynamic "statement" {
    for_each = each.key == "photos" ? [each.value.arn] : []
    content {
      sid       = "NoCustomerKeys"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${statement.value}/*"]
      principals {
        type        = "*"
        identifiers = ["*"]
      }
      condition {
        test     = "Null"
        variable = "s3:x-amz-server-side-encryption-customer-algorithm"
        values   = ["false"]
      }
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 accepts one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Browsers upload photos to S3, at once or in parts, and load pictures from it, by presigned URLs. POST completes and
# DELETE aborts a multipart upload: no URL is signed that deletes an object.
resource "aws_s3_bucket_cors_configuration" "photos" {
  bucket = aws_s3_bucket.this["photos"].id

  dynamic "cors_rule" {
    for_each = length(var.cors_origins) > 0 ? [var.cors_origins] : []
    content {
      allowed_methods = ["GET", "PUT", "POST", "DELETE"]
      allowed_origins = cors_rule.value
      allowed_headers = ["content-type", "if-none-match", "x-amz-checksum-*", "x-amz-mp-object-size", "x-amz-sdk-checksum-algorithm"]
      expose_headers  = ["ETag"]
      max_age_seconds = 3600
    }
  }

  # The customer's page reads a photo and hands it to a phone's photo library.
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = [local.public_url]
    max_age_seconds = 3600
  }
}

# The notifications of new objects.
resource "aws_s3_bucket_notification" "this" {
  for_each = { for name, bucket in local.buckets : name => bucket if name == "photos" }

  bucket = aws_s3_bucket.this[each.key].id

  queue {
    queue_arn     = module.queue["uploads"].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "incoming/"
  }

  # Not of copies: the job that copies an upload here goes on by itself.
  queue {
    queue_arn     = module.queue["uploads"].arn
    events        = ["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"]
    filter_prefix = "originals/"
  }

  queue {
    queue_arn     = module.queue["uploads"].arn
    events        = ["s3:ObjectCreated:Put"]
    filter_prefix = "logos/"
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = { for name, bucket in local.buckets : name => bucket if var.access_log_bucket != null }

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = var.access_log_bucket
  target_prefix = "${each.value}/"
}
