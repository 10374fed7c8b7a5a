resource "azurerm_consumption_budget_resource_group" "this" {
  name              = var.name
  resource_group_id = var.resource_group_id
  amount            = var.amount
  time_grain        = "Monthly"

  time_period {
    start_date = var.start
  }

  dynamic "notification" {
    for_each = { half = ["Actual", 50], spent = ["Actual", 100], forecast = ["Forecasted", 100] }

    content {
      operator       = "GreaterThanOrEqualTo"
      threshold_type = notification.value[0]
      threshold      = notification.value[1]
      contact_emails = var.emails
    }
  }
}
