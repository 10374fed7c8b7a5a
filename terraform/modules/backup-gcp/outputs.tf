output "bucket" {
  description = "The bucket, to be mounted by the job."
  value       = google_storage_bucket.this.name
}
