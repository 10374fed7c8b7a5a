resource "google_dns_managed_zone" "this" {
  name        = var.name
  dns_name    = "${var.domain}."
  description = "TaskFlow"
  labels      = var.labels
}

# The domain itself and every name below it: each function has a host of its own.
resource "google_dns_record_set" "ingress" {
  for_each = var.ingress_address == "" ? toset([]) : toset(["${var.domain}.", "*.${var.domain}."])

  managed_zone = google_dns_managed_zone.this.name
  name         = each.value
  type         = "A"
  ttl          = 300
  rrdatas      = [var.ingress_address]
}
