# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment        = "dev"
database           = "in-cluster"
kafka              = "in-cluster"
budget_amount      = 150
nodes              = 1
paid_control_plane = false
node_size          = "Standard_D4ps_v6"
node_arch          = "arm64"
