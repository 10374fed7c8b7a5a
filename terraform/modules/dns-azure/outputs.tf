output "name_servers" {
  description = "Name servers to enter at the registrar."
  value       = tolist(azurerm_dns_zone.this.name_servers)
}
