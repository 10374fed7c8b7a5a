# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment    = "dev"
database       = "in-cluster"
kafka          = "in-cluster"
budget_amount  = 1
free_tier      = true
nodes          = 1
node_ocpus     = 2
node_memory_gb = 12
node_boot_gb   = 50
