output "budget_id" {
  description = "The budget."
  value       = oci_budget_budget.this.id
}
