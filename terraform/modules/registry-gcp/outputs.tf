output "repository" {
  description = "Repository of the image, without tag or digest."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}/taskflow"
}
