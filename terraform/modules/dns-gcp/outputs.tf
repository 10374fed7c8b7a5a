output "name_servers" {
  description = "Name servers to enter at the registrar."
  value       = google_dns_managed_zone.this.name_servers
}
