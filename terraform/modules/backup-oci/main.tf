# Dumps leave the cluster by one PUT to an address that may write and nothing else (scripts/backup).
data "oci_objectstorage_namespace" "this" {
  compartment_id = var.compartment_id
}

resource "oci_objectstorage_bucket" "this" {
  compartment_id = var.compartment_id
  namespace      = data.oci_objectstorage_namespace.this.namespace
  name           = "${var.name}-dumps"
  access_type    = "NoPublicAccess"
  versioning     = "Enabled" # whoever has the address cannot replace an older dump
  freeform_tags  = var.tags
}

resource "oci_objectstorage_object_lifecycle_policy" "this" {
  namespace = data.oci_objectstorage_namespace.this.namespace
  bucket    = oci_objectstorage_bucket.this.name

  dynamic "rules" {
    for_each = { old = "objects", replaced = "previous-object-versions" }

    content {
      name        = rules.key
      action      = "DELETE"
      target      = rules.value
      time_amount = var.keep_days
      time_unit   = "DAYS"
      is_enabled  = true
    }
  }
}

resource "oci_objectstorage_preauthrequest" "upload" {
  namespace    = data.oci_objectstorage_namespace.this.namespace
  bucket       = oci_objectstorage_bucket.this.name
  name         = "${var.name}-upload"
  access_type  = "AnyObjectWrite"
  time_expires = var.expires
}
