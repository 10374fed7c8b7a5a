output "budget_id" {
  description = "The budget."
  value       = azurerm_consumption_budget_resource_group.this.id
}
