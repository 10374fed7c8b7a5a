# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment    = "staging"
database       = "neon"
kafka          = "in-cluster"
budget_amount  = 60
free_tier      = false
nodes          = 1
node_ocpus     = 2
node_memory_gb = 12
node_boot_gb   = 50
