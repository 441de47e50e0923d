locals {
  alarm_topic_arn = var.alarm_topic_arn == null ? one(aws_sns_topic.alarms[*].arn) : var.alarm_topic_arn
  alarm_actions   = [local.alarm_topic_arn]
  # All names begin with the prefix.
  own_alarm_arns = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name_prefix}-*"
}

resource "aws_sns_topic" "alarms" {
  count = var.alarm_topic_arn == null ? 1 : 0

  name              = "${var.name_prefix}-alarms"
  kms_master_key_id = local.kms_key_arn
  tags              = local.tags
}

data "aws_iam_policy_document" "alarms" {
  for_each = { for topic in aws_sns_topic.alarms : "topic" => topic.arn }

  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.own_alarm_arns]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value]
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

resource "aws_sns_topic_policy" "alarms" {
  count = length(aws_sns_topic.alarms)

  arn    = aws_sns_topic.alarms[0].arn
  policy = data.aws_iam_policy_document.alarms["topic"].json
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

# Alarms of functions and queues are in their modules.

resource "aws_cloudwatch_metric_alarm" "api_5xx" {
  alarm_name          = "${var.name_prefix}-api-5xx"
  alarm_description   = "The API responds with errors of its own. Saved query \"API failures\" lists them by route, with their cause."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  dimensions          = { ApiId = aws_apigatewayv2_api.this.id }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# The sweeps recover lost work. A disabled schedule makes no attempts, and a missing right drops them.
resource "aws_cloudwatch_metric_alarm" "sweeps" {
  for_each = {
    missing = { metric = "InvocationAttemptCount", comparison = "LessThanThreshold", threshold = 1, when_silent = "breaching" }
    dropped = { metric = "InvocationDroppedCount", comparison = "GreaterThanThreshold", threshold = 1, when_silent = "notBreaching" }
  }

  alarm_name          = "${var.name_prefix}-sweeps-${each.key}"
  alarm_description   = "Sweeps are ${each.key}: the schedule of group ${aws_scheduler_schedule_group.this.name} is disabled, or may not send to the queue. Work that a crash interrupted is not resumed until sweeps run again."
  namespace           = "AWS/Scheduler"
  metric_name         = each.value.metric
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.this.name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 2
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.when_silent
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "sweeps_completed" {
  alarm_name          = "${var.name_prefix}-sweeps-not-completed"
  alarm_description   = "No sweep has completed for half an hour: the housekeeper does not run, or fails on a table. Work that a crash interrupted is not resumed until a sweep completes. See its log."
  namespace           = "Darkroom"
  metric_name         = "SweepsCompleted"
  dimensions          = { FunctionName = module.worker["housekeeper"].function_name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "queues_paused" {
  alarm_name          = "${var.name_prefix}-queue-paused"
  alarm_description   = "An operator has paused a queue: darkroom queues names it. Its jobs wait, so its alarm for the oldest message is expected. It resumes by itself three days after the request."
  namespace           = "Darkroom"
  metric_name         = "QueuesPaused"
  dimensions          = { FunctionName = module.worker["housekeeper"].function_name }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}

# SES reviews an account at 5 % bounces and 0.1 % complaints; these alarms have lower thresholds.
resource "aws_cloudwatch_metric_alarm" "reputation" {
  for_each = {
    bounce    = { metric = "Reputation.BounceRate", threshold = 0.04 }
    complaint = { metric = "Reputation.ComplaintRate", threshold = 0.0008 }
  }

  alarm_name          = "${var.name_prefix}-mail-${each.key}-rate"
  alarm_description   = "Too many emails end as ${each.key}: SES will review the account, then pause it. Find out which addresses are affected, and where the shop gets them."
  namespace           = "AWS/SES"
  metric_name         = each.value.metric
  dimensions          = { "ses:configuration-set" = aws_sesv2_configuration_set.this.configuration_set_name }
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "ignore"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = local.tags
}
