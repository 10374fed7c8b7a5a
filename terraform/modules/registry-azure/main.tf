resource "azurerm_container_registry" "this" {
  name                = substr(replace(var.name, "-", ""), 0, 50) # letters and digits, unique in all of Azure
  resource_group_name = var.resource_group
  location            = var.location
  sku                 = "Basic"
  admin_enabled       = false
  tags                = var.tags
}

resource "azurerm_role_assignment" "pull" {
  scope                            = azurerm_container_registry.this.id
  role_definition_name             = "AcrPull"
  principal_id                     = var.reader_id
  skip_service_principal_aad_check = true
}
