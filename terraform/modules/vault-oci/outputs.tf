output "vault_id" {
  description = "The vault."
  value       = oci_kms_vault.this.id
}

output "key_id" {
  description = "The key that seals its secrets."
  value       = oci_kms_key.this.id
}
