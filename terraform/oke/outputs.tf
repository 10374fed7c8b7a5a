output "cluster_name" {
  description = "Name of the cluster."
  value       = local.name
}

output "kubeconfig_command" {
  description = "Command that makes a kubeconfig for the cluster."
  value       = "oci ce cluster create-kubeconfig --cluster-id ${oci_containerengine_cluster.this.id} --region ${var.region} --token-version 2.0.0 --kube-endpoint PUBLIC_ENDPOINT"
}

output "lb_annotations" {
  description = "Annotations of the ingress's Service."
  value = {
    "oci.oraclecloud.com/load-balancer-type"                      = "lb"
    "service.beta.kubernetes.io/oci-load-balancer-shape"          = "flexible"
    "service.beta.kubernetes.io/oci-load-balancer-shape-flex-min" = "10"
    "service.beta.kubernetes.io/oci-load-balancer-shape-flex-max" = var.free_tier ? tostring(local.free.balancer_mbps) : "100"
    "oci.oraclecloud.com/oci-network-security-groups"             = module.network.security_group_ids["balancer"]
  }
}

output "storage_class" {
  description = "StorageClass for volumes."
  value       = "oci-bv"
}

output "arch" {
  description = "Architecture of the nodes, as images name it."
  value       = "arm64"
}

output "secret_store" {
  description = "What External Secrets reads: kind, and what its SecretStore wants to know."
  value       = { kind = "oracle", settings = { vault = module.vault.vault_id, key = module.vault.key_id, region = var.region } }
}

output "registry" {
  description = "Repository of the image, without tag or digest."
  value       = module.registry.repository
}

output "name_servers" {
  description = "Name servers to enter at the registrar."
  value       = module.dns.name_servers
}

output "database_host" {
  description = "Host of PostgreSQL for migrations and dumps."
  value       = one(module.neon[*].host) == null ? local.in_cluster.database : one(module.neon[*].host)
}

output "database_pooler_host" {
  description = "Host of PostgreSQL for the functions."
  value       = one(module.neon[*].pooler_host) == null ? local.in_cluster.database : one(module.neon[*].pooler_host)
}

output "database_secrets" {
  description = "admin_dsn, role_passwords and dsns; null with a database in the cluster."
  value       = one([for one in module.neon : { admin_dsn = one.admin_dsn, role_passwords = one.role_passwords, dsns = one.dsns }])
  sensitive   = true
}

output "kafka_bootstrap" {
  description = "host:port of Kafka, by commas."
  value       = one(module.redpanda[*].bootstrap) == null ? local.in_cluster.kafka : one(module.redpanda[*].bootstrap)
}

output "kafka_sasl" {
  description = "How clients authenticate; null with a Kafka in the cluster, whose users are Strimzi's."
  value       = one(module.redpanda[*].sasl)
  sensitive   = true
}

output "backup_upload_url" {
  description = "BACKUP_UPLOAD_URL of scripts/backup; null where the job mounts the bucket."
  value       = module.backup.upload_url
  sensitive   = true
}

output "backup_bucket" {
  description = "Where dumps outside the cluster are."
  value       = module.backup.bucket
}
