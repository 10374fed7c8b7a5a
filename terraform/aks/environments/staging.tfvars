# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment        = "staging"
database           = "neon"
kafka              = "in-cluster"
budget_amount      = 300
nodes              = 2
paid_control_plane = false
node_size          = "Standard_D4ps_v6"
node_arch          = "arm64"
