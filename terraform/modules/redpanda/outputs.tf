output "api_url" {
  description = "Address of the cluster API."
  value       = redpanda_serverless_cluster.this.cluster_api_url
}

output "sasl" {
  description = "How clients authenticate."
  value       = { protocol = "SASL_SSL", mechanism = upper(local.mechanism), username = local.user, password = random_password.user.result }
  sensitive   = true
}
