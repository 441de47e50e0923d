# The workers and their queues, as in workers.json.

locals {
  table_env = { for name in ["PHOTOS", "ORDERS", "DOWNLOADS", "EMAILS", "REQUESTS", "STUDIOS", "EVENTS", "WEBHOOKS", "DELIVERIES"] : name => { "${name}_TABLE" = local.table_names[lower(name)] } }
  # For one release: operations that the previous release sent to other queues continue in the default queue.
  default_queue = { DEFAULT_QUEUE_URL = module.worker["housekeeper"].queue_url }

  # What publishes events writes the event, and sends the job that delivers it.
  publishing = merge(local.table_env.EVENTS, { WEBHOOKS_QUEUE_URL = module.worker["webhook-sender"].queue_url })

  # The environment of each worker, besides the URL of its own queue. Other workers are named by their literal keys: a
  # computed key would depend on the whole module, of which this is a part.
  worker_environments = {
    email-sender = merge(local.default_queue, local.publishing, local.table_env.EMAILS, local.table_env.ORDERS, local.table_env.DOWNLOADS, local.table_env.STUDIOS, local.table_env.WEBHOOKS, {
      LINK_SECRET_PARAMETER = aws_ssm_parameter.link_secret.name
      MAIL_FROM             = "${var.sender_name} <${var.sender_address}>"
      PUBLIC_URL            = local.public_url
      SES_CONFIGURATION_SET = aws_sesv2_configuration_set.this.configuration_set_name
    })
    photo-processor = merge(local.default_queue, local.publishing, local.table_env.PHOTOS, local.table_env.REQUESTS, local.table_env.STUDIOS, {
      PHOTOS_BUCKET = aws_s3_bucket.this["photos"].id
    })
    archive-builder = merge(local.default_queue, local.publishing, local.table_env.DOWNLOADS, local.table_env.ORDERS, local.table_env.PHOTOS, local.table_env.EMAILS, {
      ARCHIVE_CHECKSUMS  = var.archive_checksums
      ARCHIVE_PREFERENCE = var.archive_preference
      DOWNLOADS_BUCKET   = aws_s3_bucket.this["downloads"].id
      EMAILS_QUEUE_URL   = module.worker["email-sender"].queue_url
      PHOTOS_BUCKET      = aws_s3_bucket.this["photos"].id
    })
    webhook-sender = merge(local.default_queue, local.table_env.EVENTS, local.table_env.WEBHOOKS, local.table_env.DELIVERIES, {
      WEBHOOK_SECRET_PARAMETER = aws_ssm_parameter.webhook_secret.name
    })
    housekeeper = merge(merge(values(local.table_env)...), {
      DEFAULT_DLQ_URL       = module.worker["housekeeper"].dlq_url
      DOWNLOADS_BUCKET      = aws_s3_bucket.this["downloads"].id
      DOWNLOADS_DLQ_URL     = module.worker["archive-builder"].dlq_url
      DOWNLOADS_QUEUE_URL   = module.worker["archive-builder"].queue_url
      EMAILS_DLQ_URL        = module.worker["email-sender"].dlq_url
      EMAILS_QUEUE_URL      = module.worker["email-sender"].queue_url
      LINK_SECRET_PARAMETER = aws_ssm_parameter.link_secret.name
      PHOTOS_BUCKET         = aws_s3_bucket.this["photos"].id
      PHOTOS_DLQ_URL        = module.worker["photo-processor"].dlq_url
      PHOTOS_QUEUE_URL      = module.worker["photo-processor"].queue_url
      UPLOADS_DLQ_URL       = module.queue["uploads"].dlq_url
      UPLOADS_QUEUE_URL     = module.queue["uploads"].url
      WEBHOOKS_DLQ_URL      = module.worker["webhook-sender"].dlq_url
      WEBHOOKS_QUEUE_URL    = module.worker["webhook-sender"].queue_url
      }, var.personal_data_retention_days == null ? {} : {
      PERSONAL_DATA_RETENTION_DAYS = tostring(var.personal_data_retention_days)
    })
  }

  worker_policies = {
    email-sender    = data.aws_iam_policy_document.email_sender.json
    photo-processor = data.aws_iam_policy_document.photo_processor.json
    archive-builder = data.aws_iam_policy_document.archive_builder.json
    webhook-sender  = data.aws_iam_policy_document.webhook_sender.json
    housekeeper     = data.aws_iam_policy_document.housekeeper.json
  }

  worker_descriptions = {
    # The secret is read once per instance, so a new version must start new instances.
    email-sender    = "Emails through SES; link secret version ${aws_ssm_parameter.link_secret.value_wo_version}"
    photo-processor = "Develops photos: EXIF, hashes, previews"
    archive-builder = "Builds private ZIP archives in S3"
    webhook-sender  = "Sends events to the webhooks of shops; webhook secret version ${aws_ssm_parameter.webhook_secret.value_wo_version}"
    housekeeper     = "Sweeps, operations on many records, intake of uploads; link secret version ${aws_ssm_parameter.link_secret.value_wo_version}"
  }
}

module "worker" {
  source   = "./modules/worker"
  for_each = local.workers

  name_prefix             = var.name_prefix
  function                = each.key
  worker                  = each.value
  description             = local.worker_descriptions[each.key]
  package                 = "${local.packages_dir}/${each.key}/bootstrap.zip"
  architecture            = var.architecture
  environment             = merge(local.worker_environments[each.key], { RETRY_BACKOFF_SECONDS = tostring(var.retry_backoff_seconds) })
  policy_json             = local.worker_policies[each.key]
  event_rule_arns         = each.key == "housekeeper" ? local.mail_rule_arns : []
  concurrency_beside      = sum(concat([0], [for queue in local.secondary_queues : queue.max_concurrency if queue.function == each.key]))
  reserved_concurrency    = lookup(var.reserved_concurrency, each.key, null)
  code_signing_config_arn = var.code_signing_config_arn
  tracing                 = var.tracing
  log_retention_days      = var.log_retention_days
  log_level               = var.log_level
  kms_key_arn             = local.kms_key_arn
  alarm_actions           = local.alarm_actions
  tags                    = local.tags
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.secondary_queues

  name_prefix          = var.name_prefix
  name                 = each.key
  queue                = each.value
  function_arn         = module.worker[each.value.function].function_arn
  notifying_bucket_arn = each.key == "uploads" ? "arn:${local.partition}:s3:::${local.buckets.photos}" : null
  kms_key_arn          = local.kms_key_arn
  alarm_actions        = local.alarm_actions
  tags                 = local.tags
}
