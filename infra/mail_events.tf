# SES reports what becomes of emails to the account's default event bus. Each report becomes a job of the default queue, which
# changes the email (functions/housekeeper/src/email_event.rs). The job has ids and times: no address, no subject.

locals {
  # Source of SES's events. Only the tests' emulator, which refuses sources of AWS's, has another.
  mail_event_source = "aws.ses"
  # SES's names of the reports, by rule. A path that an event does not have would leave a gap in the job, so bounces, which
  # alone have a type, have a rule of their own.
  mail_rules = {
    outcomes = { events = ["Send", "Delivery", "DeliveryDelay", "Complaint", "Reject"], paths = {}, members = "" }
    bounces  = { events = ["Bounce"], paths = { bounce = "$.detail.bounce.bounceType" }, members = ",\"bounce\":<bounce>" }
  }
  # Literal, because the queue's policy names the rules, and their targets the queue.
  mail_rule_arns = [for name, rule in local.mail_rules :
    "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name_prefix}-mail-${name}"
  ]
}

resource "aws_cloudwatch_event_rule" "mail" {
  for_each = local.mail_rules

  name        = "${var.name_prefix}-mail-${each.key}"
  description = "What becomes of emails of configuration set ${aws_sesv2_configuration_set.this.configuration_set_name}."
  event_pattern = jsonencode({
    source = [local.mail_event_source]
    detail = {
      eventType = each.value.events
      mail = { tags = {
        "ses:configuration-set" = [aws_sesv2_configuration_set.this.configuration_set_name]
        email                   = [{ exists = true }]
      } }
    }
  })
  tags = local.tags
}

resource "aws_cloudwatch_event_target" "mail" {
  for_each = local.mail_rules

  rule = aws_cloudwatch_event_rule.mail[each.key].name
  arn  = module.worker["housekeeper"].queue_arn

  input_transformer {
    input_paths = merge(each.value.paths, {
      email   = "$.detail.mail.tags.email[0]"
      event   = "$.detail.eventType"
      message = "$.detail.mail.messageId"
      studio  = "$.detail.mail.tags.studio[0]"
      time    = "$.time"
    })
    # The format is in shared/domain/src/job.rs.
    input_template = "{\"v\":1,\"job\":\"email_event\",\"studio\":<studio>,\"email\":<email>,\"event\":<event>,\"time\":<time>,\"message_id\":<message>${each.value.members}}"
  }
}
