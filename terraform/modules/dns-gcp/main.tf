resource "google_dns_managed_zone" "this" {
  name        = var.name
  dns_name    = "${var.domain}."
  description = "TaskFlow"
  labels      = var.labels
}
