# Nodes have no public address. The load balancer's subnet is public, the API answers only to api_cidrs.
resource "oci_core_vcn" "this" {
  compartment_id = var.compartment_id
  display_name   = var.name
  cidr_blocks    = [var.cidr]
  dns_label      = "taskflow"
  freeform_tags  = var.tags
}

resource "oci_core_internet_gateway" "this" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-internet"
  freeform_tags  = var.tags
}

resource "oci_core_nat_gateway" "this" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-nat"
  freeform_tags  = var.tags
}

resource "oci_core_service_gateway" "this" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-services"
  freeform_tags  = var.tags

  services {
    service_id = data.oci_core_services.all.services[0].id
  }
}

data "oci_core_services" "all" {
  filter {
    name   = "name"
    values = ["All .* Services In Oracle Services Network"]
    regex  = true
  }
}

resource "oci_core_route_table" "public" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-public"
  freeform_tags  = var.tags

  route_rules {
    destination       = "0.0.0.0/0"
    network_entity_id = oci_core_internet_gateway.this.id
  }
}

resource "oci_core_route_table" "private" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-private"
  freeform_tags  = var.tags

  route_rules {
    destination       = "0.0.0.0/0"
    network_entity_id = oci_core_nat_gateway.this.id
  }

  route_rules {
    destination       = data.oci_core_services.all.services[0].cidr_block
    destination_type  = "SERVICE_CIDR_BLOCK"
    network_entity_id = oci_core_service_gateway.this.id
  }
}

resource "oci_core_subnet" "this" {
  for_each = local.subnets

  compartment_id             = var.compartment_id
  vcn_id                     = oci_core_vcn.this.id
  display_name               = "${var.name}-${each.key}"
  dns_label                  = each.key
  cidr_block                 = each.value.cidr
  prohibit_public_ip_on_vnic = !each.value.public
  route_table_id             = each.value.public ? oci_core_route_table.public.id : oci_core_route_table.private.id
  freeform_tags              = var.tags
}

resource "oci_core_network_security_group" "this" {
  for_each = local.subnets

  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "${var.name}-${each.key}"
  freeform_tags  = var.tags
}

resource "oci_core_network_security_group_security_rule" "in" {
  for_each = local.ingress

  network_security_group_id = oci_core_network_security_group.this[each.value.to].id
  direction                 = "INGRESS"
  protocol                  = each.value.ports == null ? "all" : "6" # TCP
  source                    = each.value.from
  source_type               = "CIDR_BLOCK"

  dynamic "tcp_options" {
    for_each = each.value.ports == null ? [] : [each.value.ports]

    content {
      destination_port_range {
        min = tcp_options.value[0]
        max = tcp_options.value[1]
      }
    }
  }
}

resource "oci_core_network_security_group_security_rule" "out" {
  for_each = local.subnets

  network_security_group_id = oci_core_network_security_group.this[each.key].id
  direction                 = "EGRESS"
  protocol                  = "all"
  destination               = "0.0.0.0/0"
  destination_type          = "CIDR_BLOCK"
}

locals {
  subnets = {
    api      = { cidr = cidrsubnet(var.cidr, 8, 0), public = true }
    balancer = { cidr = cidrsubnet(var.cidr, 8, 1), public = true }
    nodes    = { cidr = cidrsubnet(var.cidr, 4, 1), public = false }
  }
  ingress = merge(
    { for index, cidr in var.api_cidrs : "api-${index}" => { to = "api", from = cidr, ports = [6443, 6443] } },
    {
      api-from-nodes       = { to = "api", from = local.subnets.nodes.cidr, ports = [6443, 6443] }
      api-tunnel           = { to = "api", from = local.subnets.nodes.cidr, ports = [12250, 12250] }
      nodes-from-nodes     = { to = "nodes", from = local.subnets.nodes.cidr, ports = null }
      nodes-from-api       = { to = "nodes", from = local.subnets.api.cidr, ports = null }
      nodes-from-balancer  = { to = "nodes", from = local.subnets.balancer.cidr, ports = [30000, 32767] }
      health-from-balancer = { to = "nodes", from = local.subnets.balancer.cidr, ports = [10256, 10256] }
      balancer-http        = { to = "balancer", from = "0.0.0.0/0", ports = [80, 80] }
      balancer-https       = { to = "balancer", from = "0.0.0.0/0", ports = [443, 443] }
    },
  )
}
