# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment   = "dev"
database      = "in-cluster"
kafka         = "in-cluster"
budget_amount = 200
nodes         = 1
zone          = "b"
machine_type  = "c4a-standard-4"
node_arch     = "arm64"
