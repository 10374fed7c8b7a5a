resource "oci_dns_zone" "this" {
  compartment_id = var.compartment_id
  name           = var.domain
  zone_type      = "PRIMARY"
  freeform_tags  = var.tags
}
