resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.emails)

  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
}

resource "google_billing_budget" "this" {
  billing_account = var.billing_account
  display_name    = var.name

  budget_filter {
    projects = ["projects/${var.project_number}"]
  }

  amount {
    specified_amount {
      units = tostring(floor(var.amount))
    }
  }

  dynamic "threshold_rules" {
    for_each = { half = ["CURRENT_SPEND", 0.5], spent = ["CURRENT_SPEND", 1.0], forecast = ["FORECASTED_SPEND", 1.0] }

    content {
      spend_basis       = threshold_rules.value[0]
      threshold_percent = threshold_rules.value[1]
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [for one in google_monitoring_notification_channel.email : one.id]
  }
}
