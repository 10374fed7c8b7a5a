output "bucket" {
  description = "The bucket."
  value       = oci_objectstorage_bucket.this.name
}

output "upload_url" {
  description = "BACKUP_UPLOAD_URL of scripts/backup."
  value       = "https://objectstorage.${var.region}.oraclecloud.com${oci_objectstorage_preauthrequest.upload.access_uri}{name}"
  sensitive   = true
}
