# The rights of each function. The modules add the rights to write its log and to consume its own queue.
#
# s3:ListBucket is granted wherever a missing object must be reported as missing: without it, S3 answers "forbidden". It
# has no prefix condition, because a HEAD request has no prefix.

locals {
  index_arns = { for name, indexes in local.tables :
    name => { for index in indexes : index => "${local.table_arns[name]}/index/${index}" }
  }

  # The common statements of the workers of single jobs.
  worker_policy_parts = concat(
    [for document in data.aws_iam_policy_document.kms : document.json],
    [data.aws_iam_policy_document.previous_release.json],
  )

  # Those of the workers whose jobs make events.
  publishing_policy_parts = concat(local.worker_policy_parts, [data.aws_iam_policy_document.publishing.json])
}

data "aws_iam_policy_document" "api" {
  source_policy_documents = concat([data.aws_iam_policy_document.pausing.json], [for document in data.aws_iam_policy_document.kms : document.json])

  statement {
    sid       = "Photos"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.photos]
  }

  # Batches: an order has an item per photo; lists read the records that an index names.
  statement {
    sid       = "Orders"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.orders]
  }

  statement {
    sid       = "Downloads"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.downloads]
  }

  statement {
    sid       = "Lists"
    actions   = ["dynamodb:Query"]
    resources = [for table in ["photos", "orders", "downloads", "emails", "events", "deliveries"] : "${local.table_arns[table]}/index/list_*"]
  }

  # An erasure deletes the items with the photos of an order.
  statement {
    sid       = "PhotosOfErasedOrders"
    actions   = ["dynamodb:DeleteItem"]
    resources = [local.table_arns.orders]
  }

  # Query: an erasure finds the emails of an order. BatchGetItem: lists read the records that an index names.
  statement {
    sid       = "Emails"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.emails]
  }

  # BatchGetItem: the list reads the events that its index names.
  statement {
    sid       = "Events"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.events]
  }

  statement {
    sid       = "Webhooks"
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.webhooks]
  }

  # A retry writes.
  statement {
    sid       = "Deliveries"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.deliveries]
  }

  # A refused request releases its idempotency key, and an ended erasure removes the operation that locks it.
  statement {
    sid       = "Requests"
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.requests]
  }

  statement {
    sid       = "Studios"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.studios]
  }

  # Operators see failed and unfinished jobs.
  statement {
    sid       = "FailedAndDueRecords"
    actions   = ["dynamodb:Query"]
    resources = flatten([for table in ["photos", "downloads", "emails", "deliveries", "requests"] : [local.index_arns[table].failed_at, local.index_arns[table].due_at]])
  }

  # Deleting a photo deletes its sidecars, and the upload that it was copied from.
  statement {
    sid       = "Sidecars"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.bucket_arns.photos}/sidecars/*"]
  }

  # PutObject: orphans are moved there.
  statement {
    sid       = "Incoming"
    actions   = ["s3:DeleteObjectVersion", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/incoming/*"]
  }

  # Upload and download URLs are signed with these rights. PutObject also creates and completes multipart uploads.
  statement {
    sid       = "Originals"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/originals/*"]
  }

  statement {
    sid       = "Derivatives"
    actions   = ["s3:DeleteObject", "s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/derivatives/*"]
  }

  # GetObject: logos are served to anybody. PutObject: URLs for their upload are signed with it.
  statement {
    sid       = "Logos"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/logos/*"]
  }

  statement {
    sid       = "Archives"
    actions   = ["s3:DeleteObject", "s3:GetObject"]
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

  statement {
    sid       = "JobsAndTheirNumber"
    actions   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
    resources = values(local.queue_arns)
  }

  # Operators list, retry and forget failed jobs. A message that is only listed is released by its visibility timeout.
  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = values(local.dlq_arns)
  }

  statement {
    sid     = "OldestMessages"
    actions = ["cloudwatch:GetMetricData"]
    # CloudWatch has no resource-level permissions for this action.
    resources = ["*"]
  }

  # Requests with "queue": false.
  statement {
    sid       = "RunWorkers"
    actions   = ["lambda:InvokeFunction"]
    resources = [for queue, worker in local.queues : local.function_arns[worker.function] if !contains(local.asynchronous, worker.function)]
  }

  # Operators lift suppressions of addresses. SES has no resource-level permissions for this action.
  statement {
    sid       = "LiftSuppressions"
    actions   = ["ses:DeleteSuppressedDestination"]
    resources = ["*"]
  }

  statement {
    sid       = "Secrets"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.link_secret.arn, aws_ssm_parameter.webhook_secret.arn]
  }

  # The deployer creates the parameter.
  dynamic "statement" {
    for_each = local.cdn_key_parameter == null ? [] : [local.cdn_key_parameter]
    content {
      sid       = "CdnKey"
      actions   = ["ssm:GetParameter"]
      resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${statement.value}"]
    }
  }
}

# Operators pause queues by the API; the housekeeper ends pauses. Lambda has no resource-level permissions for lists.
data "aws_iam_policy_document" "pausing" {
  statement {
    sid       = "FindMappings"
    actions   = ["lambda:ListEventSourceMappings"]
    resources = ["*"]
  }

  statement {
    sid       = "PauseQueues"
    actions   = ["lambda:UpdateEventSourceMapping"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:event-source-mapping:*"]
    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = [for worker in keys(local.workers) : "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name_prefix}-${worker}"]
    }
  }
}

data "aws_iam_policy_document" "photo_processor" {
  source_policy_documents = local.publishing_policy_parts

  # DeleteItem: the record of a deleted photo that a late event has created again.
  statement {
    sid       = "Photos"
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.photos]
  }

  # Older photos with the same original.
  statement {
    sid       = "Duplicates"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:Query"]
    resources = [local.table_arns.photos, local.index_arns.photos.list_sha256]
  }

  # Tombstones identify objects that arrive after their photo was deleted.
  statement {
    sid       = "Tombstones"
    actions   = ["dynamodb:GetItem"]
    resources = [local.table_arns.requests]
  }

  # DeleteObject: objects that arrive after their photo was deleted. PutObject: copies of uploads.
  statement {
    sid       = "Originals"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/originals/*"]
  }

  # Objects that operators import.
  dynamic "statement" {
    for_each = length(var.import_sources) > 0 ? [true] : []
    content {
      sid       = "ImportedObjects"
      actions   = ["s3:GetObject"]
      resources = [for source in values(var.import_sources) : "arn:${local.partition}:s3:::${source.bucket}/${source.prefix}*"]
    }
  }

  # Versions are read and deleted by their id, so that a newer upload of the same name stays.
  statement {
    sid       = "Incoming"
    actions   = ["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arns.photos}/incoming/*"]
  }

  statement {
    sid       = "Sidecars"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/sidecars/*"]
  }

  statement {
    sid       = "Studios"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.studios]
  }

  # An uploaded logo is read, stored as a PNG, and deleted.
  statement {
    sid       = "Logos"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/logos/*"]
  }

  # GetObject, for HEAD: a picture that would not change is not written again. DeleteObject: pictures that were stored
  # after their photo was deleted.
  statement {
    sid       = "Derivatives"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/derivatives/*"]
  }

  statement {
    sid       = "MissingObjects"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.photos]
  }
}

data "aws_iam_policy_document" "archive_builder" {
  source_policy_documents = local.publishing_policy_parts

  statement {
    sid       = "Downloads"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.downloads]
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
    sid       = "Emails"
    actions   = ["dynamodb:PutItem"]
    resources = [local.table_arns.emails]
  }

  statement {
    sid       = "SendEmailJobs"
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
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
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
  source_policy_documents = local.publishing_policy_parts

  statement {
    sid       = "Emails"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.emails]
  }

  statement {
    sid       = "WhatEmailsTellOf"
    actions   = ["dynamodb:GetItem"]
    resources = [local.table_arns.orders, local.table_arns.downloads, local.table_arns.studios, local.table_arns.webhooks]
  }

  # An email that is not sent because its address is suppressed marks its download.
  statement {
    sid       = "UndeliveredDownloads"
    actions   = ["dynamodb:PutItem"]
    resources = [local.table_arns.downloads]
  }

  statement {
    sid       = "LinkSecret"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.link_secret.arn]
  }

  # Rate and quota. SES has no resource-level permissions for this action.
  statement {
    sid       = "DoesItAnswer"
    actions   = ["ses:GetAccount"]
    resources = ["*"]
  }

  # In the sandbox SES also authorizes the identity of each recipient, which must be verified in the account. The
  # condition restricts the sender.
  statement {
    sid     = "Send"
    actions = ["ses:SendEmail"]
    resources = [
      "arn:${local.partition}:ses:${local.region}:${local.account}:identity/*",
      aws_sesv2_configuration_set.this.arn,
    ]
    condition {
      test     = "StringEquals"
      variable = "ses:FromAddress"
      values   = [var.sender_address]
    }
  }
}

data "aws_iam_policy_document" "webhook_sender" {
  source_policy_documents = local.worker_policy_parts

  # BatchGetItem and the index: a replay reads the events of a time.
  statement {
    sid       = "Events"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.events]
  }

  statement {
    sid       = "EventsInOrder"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.events.list_events]
  }

  statement {
    sid       = "Webhooks"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.table_arns.webhooks]
  }

  statement {
    sid       = "Deliveries"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.deliveries]
  }

  # Deliveries of an event, and next attempts.
  statement {
    sid       = "OwnJobs"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["webhooks"]]
  }

  statement {
    sid       = "WebhookSecret"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.webhook_secret.arn]
  }
}

data "aws_iam_policy_document" "housekeeper" {
  source_policy_documents = concat([data.aws_iam_policy_document.pausing.json], [for document in data.aws_iam_policy_document.kms : document.json])

  # Query: a studio's photos are processed again, the downloads and emails of an order are found. Scan: items of an
  # earlier release get the attributes of list indexes.
  statement {
    sid       = "Records"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"]
    resources = [local.table_arns.photos, local.table_arns.downloads]
  }

  # Scan: as above.
  statement {
    sid       = "Emails"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"]
    resources = [local.table_arns.emails]
  }

  statement {
    sid       = "SuppressedAddressesAndPauses"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.studios]
  }

  # Reports of SES make events. The sweep sends the jobs of overdue events and deliveries again, and tells studios of disabled
  # webhooks.
  statement {
    sid       = "EventsAndDeliveries"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.events, local.table_arns.deliveries, local.table_arns.webhooks]
  }

  # An order has an item per photo: fillings write them, erasures delete them.
  statement {
    sid       = "Orders"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"]
    resources = [local.table_arns.orders]
  }

  # The photos of a sidecar.
  statement {
    sid       = "PhotosOfSidecars"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.photos.list_stem]
  }

  # Whether the original of a photo that is uploaded again is there.
  statement {
    sid       = "Originals"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.photos}/originals/*"]
  }

  # Operations, allotments of uploads, and tombstones.
  statement {
    sid       = "Operations"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [local.table_arns.requests]
  }

  # Objects that operators import.
  dynamic "statement" {
    for_each = length(var.import_sources) > 0 ? [true] : []
    content {
      sid       = "ImportedObjects"
      actions   = ["s3:GetObject"]
      resources = [for source in values(var.import_sources) : "arn:${local.partition}:s3:::${source.bucket}/${source.prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.import_sources) > 0 ? [true] : []
    content {
      sid       = "ImportedBuckets"
      actions   = ["s3:ListBucket"]
      resources = distinct([for source in values(var.import_sources) : "arn:${local.partition}:s3:::${source.bucket}"])
    }
  }

  # GetObject, for HEAD: size and checksum of uploads. A repeated upload of a ready photo is deleted.
  statement {
    sid       = "Incoming"
    actions   = ["s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arns.photos}/incoming/*"]
  }

  # GetObject, for HEAD: a sidecar that is stored already is not copied again.
  statement {
    sid       = "Sidecars"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/sidecars/*"]
  }

  statement {
    sid       = "MissingUploads"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.photos]
  }

  # Event source mapping of the second queue; the module grants the rights on the first.
  statement {
    sid       = "Uploads"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = [local.queue_arns["uploads"]]
  }

  statement {
    sid       = "DueAndFailedRecords"
    actions   = ["dynamodb:Query"]
    resources = flatten([for table in ["photos", "downloads", "emails", "deliveries", "requests"] : [local.index_arns[table].due_at, local.index_arns[table].failed_at]])
  }

  statement {
    sid       = "DueEvents"
    actions   = ["dynamodb:Query"]
    resources = [local.index_arns.events.due_at, local.index_arns.webhooks.due_at]
  }

  # The key that names an address in an erasure.
  statement {
    sid       = "LinkSecret"
    actions   = ["ssm:GetParameter"]
    resources = [aws_ssm_parameter.link_secret.arn]
  }

  statement {
    sid       = "ErasedArchives"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.bucket_arns.downloads}/archives/*"]
  }

  statement {
    sid       = "ArchivesOfADownload"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.downloads]
  }

  statement {
    sid       = "Jobs"
    actions   = ["sqs:SendMessage"]
    resources = values(local.queue_arns)
  }

  # Operations retry and forget many failed jobs, because the API has too little time for them.
  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = values(local.dlq_arns)
  }
}

# The previous release sent operations to the queues of their records. For one release their workers forward them.
data "aws_iam_policy_document" "previous_release" {
  statement {
    sid       = "ForwardOperations"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["default"]]
  }
}

# An event is created once, then the job that delivers it is sent.
data "aws_iam_policy_document" "publishing" {
  statement {
    sid       = "PublishEvents"
    actions   = ["dynamodb:PutItem"]
    resources = [local.table_arns.events]
  }

  statement {
    sid       = "PublishEventJobs"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["webhooks"]]
  }
}

# With a KMS key of the deployment, every function that reads or writes encrypted data needs the key.
data "aws_iam_policy_document" "kms" {
  count = var.kms_enabled ? 1 : 0

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.kms_key_arn]
  }
}

# For the S3 clients of studios. Nothing is attached: the deployer decides on users, roles or identity providers.
data "aws_iam_policy_document" "uploader" {
  for_each = toset(var.uploader_studios)

  statement {
    sid       = "Upload"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.bucket_arns.photos}/incoming/${each.value}/*"]
  }

  # `aws s3 sync` compares with what lies in the bucket.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns.photos]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["incoming/${each.value}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.kms_key_arn == null ? [] : [local.kms_key_arn]
    content {
      sid       = "Encrypt"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}
