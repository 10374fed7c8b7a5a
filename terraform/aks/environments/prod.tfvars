# What differs between the environments; accounts, regions and addresses are in account.auto.tfvars or TF_VAR_….
environment        = "prod"
database           = "neon"
kafka              = "in-cluster"
neon_max_cu        = 2
budget_amount      = 700
nodes              = 3
paid_control_plane = true
node_size          = "Standard_D4ps_v6"
node_arch          = "arm64"
