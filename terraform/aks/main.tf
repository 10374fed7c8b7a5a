locals {
  name = "${var.name}-${var.environment}"
  tags = merge(var.tags, {
    application = "taskflow"
    environment = var.environment
    managed-by  = "terraform"
  })
  in_cluster = {
    database = "postgres.todo-app.svc.cluster.local"
    kafka    = "taskflow-kafka-kafka-bootstrap.todo-app.svc.cluster.local:9092"
  }
  external_secrets = "external-secrets/external-secrets"
}

data "azurerm_client_config" "this" {}

resource "azurerm_resource_group" "this" {
  name     = local.name
  location = var.region
  tags     = local.tags
}

module "network" {
  source = "../modules/network-azure"

  name           = local.name
  resource_group = azurerm_resource_group.this.name
  location       = var.region
  cidr           = var.network_cidr
  tags           = local.tags
}

resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${local.name}-cluster"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.region
  tags                = local.tags
}

resource "azurerm_role_assignment" "network" {
  scope                = module.network.network_id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.cluster.principal_id
}

resource "azurerm_kubernetes_cluster" "this" {
  name                      = local.name
  resource_group_name       = azurerm_resource_group.this.name
  location                  = var.region
  dns_prefix                = local.name
  kubernetes_version        = var.kubernetes_version
  sku_tier                  = var.paid_control_plane ? "Standard" : "Free"
  automatic_upgrade_channel = "patch"
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  local_account_disabled    = false # kubeconfig without a directory of its own; restrict with api_cidrs
  tags                      = local.tags

  default_node_pool {
    name                        = "nodes"
    vm_size                     = var.node_size
    node_count                  = var.nodes
    vnet_subnet_id              = module.network.subnet_id
    os_sku                      = "AzureLinux"
    temporary_name_for_rotation = "rotation"
    tags                        = local.tags

    upgrade_settings {
      max_surge = "1"
    }
  }

  node_provisioning_profile {
    mode = "Manual"
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
  }

  api_server_access_profile {
    authorized_ip_ranges = var.api_cidrs
  }

  depends_on = [azurerm_role_assignment.network]
}

module "dns" {
  source = "../modules/dns-azure"

  resource_group  = azurerm_resource_group.this.name
  domain          = var.domain
  ingress_address = var.ingress_address
  tags            = local.tags
}

module "registry" {
  source = "../modules/registry-azure"

  name           = local.name
  resource_group = azurerm_resource_group.this.name
  location       = var.region
  reader_id      = azurerm_kubernetes_cluster.this.kubelet_identity[0].object_id
  tags           = local.tags
}

module "vault" {
  source = "../modules/vault-azure"

  name            = local.name
  resource_group  = azurerm_resource_group.this.name
  location        = var.region
  tenant_id       = data.azurerm_client_config.this.tenant_id
  oidc_issuer_url = azurerm_kubernetes_cluster.this.oidc_issuer_url
  reader          = local.external_secrets
  tags            = local.tags
}

module "backup" {
  source = "../modules/backup-azure"

  name           = local.name
  resource_group = azurerm_resource_group.this.name
  location       = var.region
  keep_days      = var.dump_days
  starts         = var.budget_start
  expires        = var.upload_expires
  tags           = local.tags
}

module "budget" {
  source = "../modules/budget-azure"

  name              = local.name
  resource_group_id = azurerm_resource_group.this.id
  amount            = var.budget_amount
  emails            = var.budget_emails
  start             = var.budget_start
}

module "neon" {
  source = "../modules/neon"
  count  = var.database == "neon" ? 1 : 0

  name               = local.name
  region             = var.neon_region
  organization       = var.neon_organization
  postgresql_version = var.postgresql_version
  max_cu             = var.neon_max_cu
  history_seconds    = var.environment == "prod" ? 604800 : 21600
}

module "redpanda" {
  source = "../modules/redpanda"
  count  = var.kafka == "redpanda-serverless" ? 1 : 0

  name           = local.name
  region         = var.redpanda_region
  allow_deletion = var.environment != "prod"
  tags           = local.tags
}
