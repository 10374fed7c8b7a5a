output "vault_url" {
  description = "Address of the vault."
  value       = azurerm_key_vault.this.vault_uri
}

output "client_id" {
  description = "Identity that reads."
  value       = azurerm_user_assigned_identity.reader.client_id
}
