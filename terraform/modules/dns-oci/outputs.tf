output "name_servers" {
  description = "Name servers to enter at the registrar."
  value       = [for one in oci_dns_zone.this.nameservers : one.hostname]
}
