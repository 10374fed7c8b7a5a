output "bucket" {
  description = "The container."
  value       = azurerm_storage_container.dumps.name
}

output "upload_url" {
  description = "BACKUP_UPLOAD_URL of scripts/backup."
  value       = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.dumps.name}/{name}${data.azurerm_storage_account_blob_container_sas.upload.sas}"
  sensitive   = true
}
