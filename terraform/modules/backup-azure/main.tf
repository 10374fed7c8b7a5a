# Dumps leave the cluster by one PUT to an address that may create and nothing else (scripts/backup).
resource "azurerm_storage_account" "this" {
  name                            = substr("${replace(var.name, "-", "")}dumps", 0, 24) # letters and digits, unique in all of Azure
  resource_group_name             = var.resource_group
  location                        = var.location
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  min_tls_version                 = "TLS1_2"
  allow_nested_items_to_be_public = false
  tags                            = var.tags
}

resource "azurerm_storage_container" "dumps" {
  name                  = "dumps"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "this" {
  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "old"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["dumps/"]
    }

    actions {
      base_blob {
        delete_after_days_since_creation_greater_than = var.keep_days
      }
    }
  }
}

data "azurerm_storage_account_blob_container_sas" "upload" {
  connection_string = azurerm_storage_account.this.primary_connection_string
  container_name    = azurerm_storage_container.dumps.name
  https_only        = true
  start             = var.starts
  expiry            = var.expires

  permissions {
    read   = false
    add    = false
    create = true
    write  = false
    delete = false
    list   = false
  }
}
