resource "azurerm_dns_zone" "this" {
  name                = var.domain
  resource_group_name = var.resource_group
  tags                = var.tags
}

# The domain itself and every name below it: each function has a host of its own.
resource "azurerm_dns_a_record" "ingress" {
  for_each = var.ingress_address == "" ? toset([]) : toset(["@", "*"])

  name                = each.value
  zone_name           = azurerm_dns_zone.this.name
  resource_group_name = var.resource_group
  ttl                 = 300
  records             = [var.ingress_address]
  tags                = var.tags
}
