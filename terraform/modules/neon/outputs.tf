output "host" {
  description = "Host for migrations and dumps."
  value       = local.host
}

output "pooler_host" {
  description = "Host of the transaction pooler, for the functions."
  value       = local.pooler
}

output "admin_dsn" {
  description = "DSN that makes roles and database: ADMIN_DATABASE_URL of scripts/migrate."
  value       = "postgresql://${neon_project.this.database_user}:${neon_project.this.database_password}@${local.host}/postgres?sslmode=require"
  sensitive   = true
}

output "role_passwords" {
  description = "Password of each role: the JSON of ROLE_PASSWORDS_FILE."
  value       = { for role in local.roles : role => random_password.role[role].result }
  sensitive   = true
}

output "dsns" {
  description = "DSN of each role: owner at the server, the others at the pooler."
  value       = { for role in local.roles : role => "postgresql://${role}:${random_password.role[role].result}@${role == "owner" ? local.host : local.pooler}/${local.database}?sslmode=require" }
  sensitive   = true
}
