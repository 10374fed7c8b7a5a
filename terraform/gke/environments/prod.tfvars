# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment   = "prod"
database      = "neon"
kafka         = "in-cluster"
neon_max_cu   = 2
budget_amount = 700
nodes         = 1
zone          = ""
machine_type  = "c4a-standard-4"
node_arch     = "arm64"
