resource "oci_budget_budget" "this" {
  compartment_id = var.tenancy_id
  display_name   = var.name
  amount         = var.amount
  reset_period   = "MONTHLY"
  target_type    = "COMPARTMENT"
  targets        = [var.compartment_id]
  freeform_tags  = var.tags
}

resource "oci_budget_alert_rule" "this" {
  for_each = { half = ["ACTUAL", 50], spent = ["ACTUAL", 100], forecast = ["FORECAST", 100] }

  budget_id      = oci_budget_budget.this.id
  display_name   = "${var.name}-${each.key}"
  type           = each.value[0]
  threshold      = each.value[1]
  threshold_type = "PERCENTAGE"
  recipients     = join(",", var.emails)
  message        = "TaskFlow ${var.name}: ${each.value[1]} % of the budget (${each.value[0]})."
  freeform_tags  = var.tags
}
