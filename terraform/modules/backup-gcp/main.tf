# Google has no address that may write a whole bucket: the job mounts it (Cloud Storage FUSE) and writes there.
resource "google_storage_bucket" "this" {
  name                        = "${var.project}-${var.name}-dumps"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age        = var.keep_days
      with_state = "ANY"
    }
  }
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_storage_bucket_iam_member" "writer" {
  bucket = google_storage_bucket.this.name
  role   = "roles/storage.objectUser"
  member = join("/", [
    "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global",
    "workloadIdentityPools/${var.project}.svc.id.goog/subject/ns/${split("/", var.writer)[0]}/sa/${split("/", var.writer)[1]}",
  ])
}
