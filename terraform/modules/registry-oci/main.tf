resource "oci_artifacts_container_repository" "this" {
  compartment_id = var.compartment_id
  display_name   = "${var.name}/taskflow"
  is_immutable   = true # deployments are by digest; a tag never moves
  is_public      = false
  freeform_tags  = var.tags
}

data "oci_objectstorage_namespace" "this" {
  compartment_id = var.compartment_id
}
