locals {
  # Sparse indexes. By time: due_at finds overdue records, failed_at finds failed ones, with the attributes that the
  # list of failed jobs shows. list_*: read by lists with a filter, newest first.
  indexes = {
    due_at         = { hash = "due_shard", range = "due_at", included = [] }
    failed_at      = { hash = "failed_shard", range = "failed_at", included = ["error", "work"] }
    list_status    = { hash = "list_status", range = "id", included = [] }
    list_order     = { hash = "list_order", range = "id", included = [] }
    list_folder    = { hash = "list_folder", range = "id", included = [] }
    list_sha256    = { hash = "list_sha256", range = "id", included = [] }
    list_stem      = { hash = "list_stem", range = "id", included = [] }
    list_reference = { hash = "list_reference", range = "id", included = [] }
    # Emails about builds have derived ids, so their lists are ordered by an attribute that begins with a time.
    list_email_status = { hash = "list_email_status", range = "position", included = [] }
    list_about        = { hash = "list_about", range = "position", included = [] }
    # The ids of events and deliveries are derived too. Events are read oldest first.
    list_events  = { hash = "list_events", range = "position", included = [] }
    list_webhook = { hash = "list_webhook", range = "position", included = [] }
  }

  # Tables and their indexes. The table of requests has idempotency keys, and operations on many records.
  tables = {
    photos    = ["due_at", "failed_at", "list_status", "list_folder", "list_sha256", "list_stem"]
    orders    = ["list_reference"]
    downloads = ["due_at", "failed_at", "list_status", "list_order"]
    emails    = ["due_at", "failed_at", "list_email_status", "list_about"]
    requests  = ["due_at", "failed_at"]
    studios   = []
    # An event is due until its deliveries exist, a disabled webhook until the studio has been told.
    events     = ["due_at", "list_events"]
    webhooks   = ["due_at"]
    deliveries = ["due_at", "failed_at", "list_webhook"]
  }
  table_arns  = { for name, table in aws_dynamodb_table.this : name => table.arn }
  table_names = { for name, table in aws_dynamodb_table.this : name => table.name }
}

resource "aws_dynamodb_table" "this" {
  for_each = local.tables

  name                        = "${var.name_prefix}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "studio"
  range_key                   = "id"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "studio"
    type = "S"
  }

  attribute {
    name = "id"
    type = "S"
  }

  dynamic "attribute" {
    for_each = merge([for index in each.value : merge(
      { (local.indexes[index].hash) = "S" },
      { for range in [local.indexes[index].range] : range => range == "position" ? "S" : "N" if range != "id" },
    )]...)
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = { for index in each.value : index => local.indexes[index] }
    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash
      range_key          = global_secondary_index.value.range
      projection_type    = length(global_secondary_index.value.included) > 0 ? "INCLUDE" : "KEYS_ONLY"
      non_key_attributes = global_secondary_index.value.included
    }
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }
}
