# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment    = "prod"
database       = "neon"
kafka          = "redpanda-serverless"
neon_max_cu    = 2
budget_amount  = 150
free_tier      = false
nodes          = 2
node_ocpus     = 2
node_memory_gb = 12
node_boot_gb   = 50
