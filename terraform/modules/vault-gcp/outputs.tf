output "project" {
  description = "Project of the secrets."
  value       = var.project
}

output "prefix" {
  description = "How the names of its secrets begin."
  value       = "${var.name}-"
}
