# One optional key for all data of this deployment.

resource "aws_kms_key" "this" {
  count = var.kms_enabled ? 1 : 0

  description             = "${var.name_prefix}: photos, archives, records, messages, logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    # In a key's own policy "*" is the key itself.
    Statement = concat([
      {
        # Without the account, nobody could manage the key any more. Roles still need a right of their own.
        Sid       = "Account"
        Effect    = "Allow"
        Action    = "kms:*"
        Resource  = "*"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Action    = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Condition = { ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*"
        } }
      },
      {
        # S3 sends to an encrypted queue. S3's documentation names no condition on the sender for this statement, so a
        # request without `aws:SourceAccount` must pass. The queue, which SQS names in its encryption context, is the
        # restriction, and the queue's policy names bucket and account.
        Sid       = "Notifications"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Principal = { Service = "s3.amazonaws.com" }
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sqs:arn" = local.queue_arns["uploads"] } }
      },
      {
        # EventBridge sends SES's reports to an encrypted queue, which SQS names in its encryption context.
        Sid       = "Events"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Principal = { Service = "events.amazonaws.com" }
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sqs:arn" = local.queue_arns["default"] } }
      },
      {
        # CloudWatch sends to an encrypted topic, under the conditions that SNS documents.
        Sid       = "Alarms"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = local.own_alarm_arns }
        }
      },
      ],
      # CloudFront reads encrypted objects.
      [for distribution in aws_cloudfront_distribution.cdn : {
        Sid       = "Cdn"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "*"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Condition = { StringEquals = { "aws:SourceArn" = distribution.arn } }
    }])
  })
  tags = local.tags
}

resource "aws_kms_alias" "this" {
  count = var.kms_enabled ? 1 : 0

  name          = "alias/${var.name_prefix}"
  target_key_id = aws_kms_key.this[0].key_id
}
