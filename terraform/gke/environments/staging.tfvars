# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment   = "staging"
database      = "neon"
kafka         = "in-cluster"
budget_amount = 350
nodes         = 2
zone          = "b"
machine_type  = "c4a-standard-4"
node_arch     = "arm64"
