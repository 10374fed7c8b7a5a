resource "azurerm_key_vault" "this" {
  name                       = substr(var.name, 0, 24) # unique in all of Azure
  resource_group_name        = var.resource_group
  location                   = var.location
  tenant_id                  = var.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 30
  tags                       = var.tags
}

resource "azurerm_user_assigned_identity" "reader" {
  name                = "${var.name}-secrets"
  resource_group_name = var.resource_group
  location            = var.location
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "reader" {
  name                      = "${var.name}-secrets"
  user_assigned_identity_id = azurerm_user_assigned_identity.reader.id
  issuer                    = var.oidc_issuer_url
  audience                  = ["api://AzureADTokenExchange"]
  subject                   = "system:serviceaccount:${replace(var.reader, "/", ":")}"
}

resource "azurerm_role_assignment" "reader" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.reader.principal_id
}
