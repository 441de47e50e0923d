locals {
  # due_at finds records that should have moved: those that workers claim have it.
  tables = {
    photos    = { due = true }
    orders    = { due = false }
    downloads = { due = true }
    emails    = { due = true }
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
    for_each = each.value.due ? { due_shard = "S", due_at = "N" } : {}
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.due ? ["due_at"] : []
    content {
      name            = global_secondary_index.value
      hash_key        = "due_shard"
      range_key       = "due_at"
      projection_type = "KEYS_ONLY"
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
