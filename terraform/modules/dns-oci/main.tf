resource "oci_dns_zone" "this" {
  compartment_id = var.compartment_id
  name           = var.domain
  zone_type      = "PRIMARY"
  freeform_tags  = var.tags
}

# The domain itself and every name below it: each function has a host of its own.
resource "oci_dns_rrset" "ingress" {
  for_each = var.ingress_address == "" ? toset([]) : toset([var.domain, "*.${var.domain}"])

  zone_name_or_id = oci_dns_zone.this.id
  domain          = each.value
  rtype           = "A"

  items {
    domain = each.value
    rtype  = "A"
    rdata  = var.ingress_address
    ttl    = 300
  }
}
