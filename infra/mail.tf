locals {
  mail_identity = coalesce(var.mail_domain, var.sender_address)
}

resource "aws_sesv2_email_identity" "this" {
  count = var.mail_identity_exists ? 0 : 1

  email_identity = local.mail_identity
  tags           = local.tags

  # Easy DKIM: SES creates and rotates the keys. The domain needs the three records of output mail_dns_records.
  dynamic "dkim_signing_attributes" {
    for_each = var.mail_domain == null ? [] : ["RSA_2048_BIT"]
    content {
      next_signing_key_length = dkim_signing_attributes.value
    }
  }
}

resource "aws_sesv2_email_identity_mail_from_attributes" "this" {
  count = var.mail_from_domain == null ? 0 : 1

  email_identity   = aws_sesv2_email_identity.this[0].email_identity
  mail_from_domain = var.mail_from_domain
  # A missing MX record must cost only the agreement with SPF, not the email.
  behavior_on_mx_failure = "USE_DEFAULT_VALUE"
}

resource "aws_sesv2_configuration_set" "this" {
  configuration_set_name = var.name_prefix
  tags                   = local.tags

  delivery_options {
    tls_policy = "REQUIRE"
  }

  reputation_options {
    reputation_metrics_enabled = true
  }

  sending_options {
    sending_enabled = true
  }

  suppression_options {
    suppressed_reasons = ["BOUNCE", "COMPLAINT"]
  }
}

# The outcome of emails, as metrics of the configuration set.
resource "aws_sesv2_configuration_set_event_destination" "metrics" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "metrics"

  event_destination {
    enabled = true
    matching_event_types = [
      "BOUNCE",
      "COMPLAINT",
      "DELIVERY",
      "REJECT",
      "RENDERING_FAILURE",
      "SEND",
    ]

    cloud_watch_destination {
      dimension_configuration {
        dimension_name          = "ses:configuration-set"
        dimension_value_source  = "MESSAGE_TAG"
        default_dimension_value = var.name_prefix
      }
    }
  }
}

# What becomes of emails, for the rules on the account's event bus (mail_events.tf) and others of the deployer's.
resource "aws_sesv2_configuration_set_event_destination" "events" {
  configuration_set_name = aws_sesv2_configuration_set.this.configuration_set_name
  event_destination_name = "events"

  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY", "REJECT", "RENDERING_FAILURE", "SEND"]

    event_bridge_destination {
      event_bus_arn = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/default"
    }
  }
}
