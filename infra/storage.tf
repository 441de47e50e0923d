# Two private buckets. Photos keeps originals and what is developed from them; downloads keeps archives, which can be
# built again at any time.

locals {
  buckets = {
    photos    = "${var.name_prefix}-photos-${local.account}-${local.region}"
    downloads = "${var.name_prefix}-downloads-${local.account}-${local.region}"
  }
  bucket_arns = { for name, bucket in aws_s3_bucket.this : name => bucket.arn }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:A copy in another region doubles what storage costs; who needs one adds a replication rule to the bucket.
  #checkov:skip=CKV_AWS_18:S3 access logs cost more than the shop at rest; access_log_bucket turns them on.
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !var.deletion_protection
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_enabled ? "aws:kms" : "AES256"
      kms_master_key_id = local.kms_key_arn
    }
    # One data key serves many objects: without it, each part of an archive is a request to KMS.
    bucket_key_enabled = var.kms_enabled
  }
}

# Versions protect originals. The downloads bucket has none: its work objects would be kept, and paid, after deletion.
resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  versioning_configuration {
    status = each.key == "photos" ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "photos" {
  bucket = aws_s3_bucket.this["photos"].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.original_recovery_days
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  # Rules about versions are refused where there are none yet.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "downloads" {
  bucket = aws_s3_bucket.this["downloads"].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "work"
    status = "Enabled"
    filter {
      prefix = "work/"
    }
    expiration {
      days = 1
    }
  }

  rule {
    id     = "archives"
    status = "Enabled"
    filter {
      prefix = "archives/"
    }
    expiration {
      days = var.download_retention_days
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = aws_s3_bucket.this

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
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Browsers upload photos to S3 and fetch pictures from it, by presigned URLs.
resource "aws_s3_bucket_cors_configuration" "photos" {
  count = length(var.cors_origins) > 0 ? 1 : 0

  bucket = aws_s3_bucket.this["photos"].id
  cors_rule {
    allowed_methods = ["GET", "PUT"]
    allowed_origins = var.cors_origins
    allowed_headers = ["content-type", "if-none-match", "x-amz-checksum-*", "x-amz-sdk-checksum-algorithm"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_notification" "photos" {
  bucket = aws_s3_bucket.this["photos"].id

  queue {
    queue_arn     = module.worker["photo-processor"].queue_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "originals/"
  }

  # S3 tries the queue out when it is told of it, and the module's policy lets it.
  depends_on = [module.worker]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.access_log_bucket == null ? {} : aws_s3_bucket.this

  bucket        = each.value.id
  target_bucket = var.access_log_bucket
  target_prefix = "${each.value.id}/"
}
