resource "google_artifact_registry_repository" "this" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  labels        = var.labels

  docker_config {
    immutable_tags = true # deployments are by digest; a tag never moves
  }
}

resource "google_artifact_registry_repository_iam_member" "pull" {
  repository = google_artifact_registry_repository.this.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${var.reader}"
}
