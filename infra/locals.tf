data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  tags = merge({ application = var.name_prefix }, var.tags)

  # The one table of queue configurations. The Rust code reads the same file.
  queues = jsondecode(file("${path.module}/workers.json"))
  # By function: the queue that names the function's alarms, memory and timeout.
  workers = { for queue, worker in local.queues : worker.function => merge(worker, {
    queue           = queue
    max_concurrency = lookup(var.max_concurrency, worker.function, worker.max_concurrency)
  }) if !try(worker.secondary, false) }
  # Functions that no request waits for.
  asynchronous = distinct([for worker in local.queues : worker.function if !try(worker.synchronous, false)])

  # The other queues of the same functions.
  secondary_queues = { for queue, worker in local.queues : queue => worker if try(worker.secondary, false) }

  packages_dir = coalesce(var.packages_dir, "${path.module}/../target/lambda")

  # These names are known before the resources exist, so that roles can name later resources.
  queue_arns = { for queue in keys(local.queues) :
    queue => "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name_prefix}-${queue}"
  }
  dlq_arns = { for queue, arn in local.queue_arns : queue => "${arn}-dlq" }
  function_arns = { for function in concat(["api"], keys(local.workers)) :
    function => "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name_prefix}-${function}"
  }

  dlq_urls = merge(
    { for function, worker in local.workers : worker.queue => module.worker[function].dlq_url },
    { for queue in keys(local.secondary_queues) : queue => module.queue[queue].dlq_url },
  )
  queue_urls = merge(
    { for function, worker in local.workers : worker.queue => module.worker[function].queue_url },
    { for queue in keys(local.secondary_queues) : queue => module.queue[queue].url },
  )

  kms_key_arn = one(aws_kms_key.this[*].arn)
}
