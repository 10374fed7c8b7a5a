# External Secrets reads the vault as the nodes (instance principal). Software keys and the shared vault are free.
resource "oci_kms_vault" "this" {
  compartment_id = var.compartment_id
  display_name   = var.name
  vault_type     = "DEFAULT"
  freeform_tags  = var.tags
}

resource "oci_kms_key" "this" {
  compartment_id      = var.compartment_id
  display_name        = var.name
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "SOFTWARE"
  freeform_tags       = var.tags

  key_shape {
    algorithm = "AES"
    length    = 32
  }
}

resource "oci_identity_dynamic_group" "nodes" {
  compartment_id = var.tenancy_id
  name           = "${var.name}-nodes"
  description    = "Nodes of ${var.name}"
  matching_rule  = "All {instance.compartment.id = '${var.compartment_id}'}"
  freeform_tags  = var.tags
}

resource "oci_identity_policy" "read" {
  compartment_id = var.compartment_id
  name           = "${var.name}-secrets"
  description    = "Nodes of ${var.name} read its secrets"
  freeform_tags  = var.tags

  statements = [
    "Allow dynamic-group ${oci_identity_dynamic_group.nodes.name} to read secret-family in compartment ${var.compartment_name}",
  ]
}
