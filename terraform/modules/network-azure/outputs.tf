output "subnet_id" {
  description = "Subnet of the nodes, once its security group is attached."
  value       = azurerm_subnet_network_security_group_association.nodes.subnet_id
}

output "network_id" {
  description = "The network."
  value       = azurerm_virtual_network.this.id
}
