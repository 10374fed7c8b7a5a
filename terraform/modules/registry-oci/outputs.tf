output "repository" {
  description = "Repository of the image, without tag or digest."
  value       = "${var.region}.ocir.io/${data.oci_objectstorage_namespace.this.namespace}/${oci_artifacts_container_repository.this.display_name}"
}
