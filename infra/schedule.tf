# A sweep every five minutes. It finds work that no code could mark, such as a crash in the last attempt.

resource "aws_scheduler_schedule_group" "this" {
  name = var.name_prefix
  tags = local.tags
}

resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.name_prefix}-sweep"
  description         = "Re-sends the jobs of records past due_at."
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = "rate(5 minutes)"
  kms_key_arn         = local.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.worker["housekeeper"].queue_arn
    role_arn = aws_iam_role.scheduler.arn
    # The format is in shared/domain/src/job.rs.
    input = jsonencode({ v = 1, job = "sweep" })

    retry_policy {
      # Few retries, within five minutes: the next sweep does the same work.
      maximum_event_age_in_seconds = 300
      maximum_retry_attempts       = 3
    }
  }
}

data "aws_iam_policy_document" "scheduler_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.name_prefix}-scheduler-${local.region}"
  description        = "Sends sweeps to the default queue."
  assume_role_policy = data.aws_iam_policy_document.scheduler_assume.json
  tags               = local.tags
}

data "aws_iam_policy_document" "scheduler" {
  source_policy_documents = [for document in data.aws_iam_policy_document.kms : document.json]

  statement {
    sid       = "SendSweeps"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns["default"]]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "send-sweeps"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}
