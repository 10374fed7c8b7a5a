# Secret Manager is the project's; what is made here is who may read the secrets with this prefix.
data "google_project" "this" {
  project_id = var.project
}

resource "google_project_iam_member" "reader" {
  project = var.project
  role    = "roles/secretmanager.secretAccessor"
  member = join("/", [
    "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global",
    "workloadIdentityPools/${var.project}.svc.id.goog/subject/ns/${split("/", var.reader)[0]}/sa/${split("/", var.reader)[1]}",
  ])

  condition {
    title      = "${var.name} only"
    expression = "resource.name.startsWith('projects/${data.google_project.this.number}/secrets/${var.name}-')"
  }
}
