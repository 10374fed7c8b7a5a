output "repository" {
  description = "Repository of the image, without tag or digest."
  value       = "${azurerm_container_registry.this.login_server}/taskflow"
}
