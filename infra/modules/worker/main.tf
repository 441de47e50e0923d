# One queue with its dead-letter queue, and the function that processes it.

locals {
  # Invocations by the API, for requests with "queue": false, besides those by the queue.
  room_for_direct_invocations = 2

  own_url = { "${upper(var.worker.queue)}_QUEUE_URL" = module.queue.url }
}

module "queue" {
  source = "../queue"

  name_prefix   = var.name_prefix
  name          = var.worker.queue
  queue         = var.worker
  function_arn  = module.function.function_arn
  kms_key_arn   = var.kms_key_arn
  alarm_actions = var.alarm_actions
  tags          = var.tags

  event_rule_arns = var.event_rule_arns
}

module "function" {
  source = "../function"

  name                    = "${var.name_prefix}-${var.function}"
  description             = var.description
  package                 = var.package
  architecture            = var.architecture
  memory_mb               = var.worker.memory_mb
  timeout_seconds         = var.worker.timeout_seconds
  environment             = merge(var.environment, local.own_url)
  policy_json             = data.aws_iam_policy_document.work.json
  minimum_concurrency     = var.worker.max_concurrency + var.concurrency_beside + local.room_for_direct_invocations
  reserved_concurrency    = var.reserved_concurrency
  code_signing_config_arn = var.code_signing_config_arn
  tracing                 = var.tracing
  log_retention_days      = var.log_retention_days
  log_level               = var.log_level
  kms_key_arn             = var.kms_key_arn
  alarm_actions           = var.alarm_actions
  tags                    = var.tags
}

# A worker sends messages to its own queue: a paused build or operation continues in a new message, and a job that waits
# for a service is sent again. By default Lambda stops such a chain after about 16 invocations, and the message ends in
# the dead-letter queue. These limits replace that one:
# - Failed attempts are counted on the record, which fails after `attempts` of them (shared/runtime/src/lease.rs).
# - A pause is not counted, and only a job that made progress pauses (`JobError::Paused` in shared/domain/src/error.rs).
# - Waiting for an unavailable service is not counted either. The record fails 24 hours after the service first failed
#   it.
# - `max_concurrency` limits the cost of a loop that none of these ends.
resource "aws_lambda_function_recursion_config" "this" {
  function_name  = module.function.function_name
  recursive_loop = var.worker.recursive_loop
}

data "aws_iam_policy_document" "work" {
  source_policy_documents = [var.policy_json]

  # SendMessage too: a paused job continues in a new message, and a job that waits for a service is sent again.
  statement {
    sid = "OwnQueue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = [module.queue.arn]
  }
}
