output "bootstrap" {
  description = "host:port of the brokers, by commas."
  value       = join(",", redpanda_serverless_cluster.this.kafka_api.seed_brokers)
}

output "sasl" {
  description = "How clients authenticate."
  value       = { protocol = "SASL_SSL", mechanism = upper(local.mechanism), username = local.user, password = random_password.user.result }
  sensitive   = true
}
