# What each function may do. Writing its log and consuming its own queue are added by the modules.
#
# s3:ListBucket stands wherever a missing object must read as missing: without it, S3 answers "forbidden". It has no
# prefix condition, since a HEAD names no prefix.

locals {
  index_arns = { for name, indexes in local.tables :
    name => { for index in indexes : index => "${local.table_arns[name]}/index/${index}" }
  }
}

data "aws_iam_policy_document" "api" {
  source_policy_documents = [for document in data.aws_iam_policy_document.kms : document.json]

  statement {
    sid       = "Photos"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.photos]
  }

  statement {
    sid       = "OrdersAndDownloads"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.orders, local.table_arns.downloads]
  }

  statement {
    sid       = "Emails"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.emails]
  }

  # Upload and download URLs are signed with these rights.
  statement {
    sid       = "Originals"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/originals/*"]
  }

  statement {
    sid       = "Derivatives"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/derivatives/*"]
  }

  statement {
    sid       = "Archives"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.downloads}/archives/*"]
  }

  statement {
    sid       = "ArchiveIndexes"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arns.downloads}/archives/*.index.json"]
  }

  statement {
    sid       = "MissingObjects"
    actions   = ["s3:ListBucket"]
    resources = values(local.bucket_arns)
  }

  # Photos need no job of the API's: S3 tells of them.
  statement {
    sid       = "SendJobs"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in local.api_queues : local.queue_arns[queue]]
  }

  statement {
    sid       = "LinkSecret"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.link_secret.arn]
  }
}

data "aws_iam_policy_document" "photo_processor" {
  source_policy_documents = [for document in data.aws_iam_policy_document.kms : document.json]

  statement {
    sid       = "Photos"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.photos]
  }

  statement {
    sid       = "DuePhotos"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.photos.due_at]
  }

  statement {
    sid       = "Originals"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/originals/*"]
  }

  statement {
    sid       = "Derivatives"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/derivatives/*"]
  }

  statement {
    sid       = "MissingObjects"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.photos]
  }
}

data "aws_iam_policy_document" "archive_builder" {
  source_policy_documents = [for document in data.aws_iam_policy_document.kms : document.json]

  statement {
    sid       = "Downloads"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.downloads]
  }

  statement {
    sid       = "DueDownloads"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.downloads.due_at]
  }

  statement {
    sid       = "Orders"
    actions   = ["dynamodb:GetItem"]
    resources = [local.table_arns.orders]
  }

  statement {
    sid       = "Photos"
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.table_arns.photos]
  }

  statement {
    sid       = "Mails"
    actions   = ["dynamodb:PutItem"]
    resources = [local.table_arns.emails]
  }

  statement {
    sid       = "SendMailJobs"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["emails"]]
  }

  statement {
    sid       = "Sources"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/originals/*", "${local.bucket_arns.photos}/derivatives/*"]
  }

  statement {
    sid       = "Archives"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.bucket_arns.downloads}/archives/*"]
  }

  statement {
    sid       = "WorkObjects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.bucket_arns.downloads}/work/*"]
  }

  statement {
    sid       = "OpenUploads"
    actions   = ["s3:ListBucketMultipartUploads"]
    resources = [local.bucket_arns.downloads]
  }

  statement {
    sid       = "MissingObjects"
    actions   = ["s3:ListBucket"]
    resources = values(local.bucket_arns)
  }
}

data "aws_iam_policy_document" "email_sender" {
  source_policy_documents = [for document in data.aws_iam_policy_document.kms : document.json]

  statement {
    sid       = "Mails"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.emails]
  }

  statement {
    sid       = "DueMails"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.emails.due_at]
  }

  statement {
    sid       = "WhatMailsSpeakOf"
    actions   = ["dynamodb:GetItem"]
    resources = [local.table_arns.orders, local.table_arns.downloads]
  }

  statement {
    sid       = "LinkSecret"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.link_secret.arn]
  }

  statement {
    sid       = "Send"
    actions   = ["ses:SendEmail"]
    resources = [local.mail_identity_arn, aws_sesv2_configuration_set.this.arn]
    condition {
      test     = "StringEquals"
      variable = "ses:FromAddress"
      values   = [var.sender_address]
    }
  }
}

# With a key of our own, whoever reads and writes what it encrypts needs it too.
data "aws_iam_policy_document" "kms" {
  count = var.kms_enabled ? 1 : 0

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.kms_key_arn]
  }
}
