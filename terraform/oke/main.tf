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
  shape = "VM.Standard.A1.Flex"
  # What Oracle gives for nothing, since June 2026 (docs/deploy-cloud.md). Volumes are at least 50 GB each.
  free   = { ocpus = 2, memory_gb = 12, storage_gb = 200, balancers = 1, balancer_mbps = 10 }
  domain = data.oci_identity_availability_domains.all.availability_domains[var.availability_domain - 1].name
}

data "oci_identity_availability_domains" "all" {
  compartment_id = var.tenancy_id
}

resource "oci_identity_compartment" "this" {
  compartment_id = var.tenancy_id
  name           = local.name
  description    = "TaskFlow ${var.environment}"
  freeform_tags  = local.tags
}

# A budget only tells; this refuses, in the whole tenancy: two free installations share what one may have, and
# the second is refused instead of billed. Nothing paid can live beside them. Later statements win. Quotas of
# cores and volumes are counted for each availability domain, so that two OCPUs in three domains would be six:
# all but one stay at zero. An A1 instance is measured by the regional quotas as well.
resource "oci_limits_quota" "free" {
  count = var.free_tier ? 1 : 0

  compartment_id = var.tenancy_id
  name           = "${local.name}-free"
  description    = "Only what the free tier gives"
  freeform_tags  = local.tags

  statements = [
    "zero compute quotas in tenancy",
    "zero compute-core quotas in tenancy",
    "zero compute-memory quotas in tenancy",
    "zero block-storage quotas in tenancy",
    "zero load-balancer quotas in tenancy",
    "zero database quotas in tenancy",
    "zero kms quota virtual-private-vault-count in tenancy",
    "set compute-core quota standard-a1-core-count to ${local.free.ocpus} in tenancy where request.ad = '${local.domain}'",
    "set compute-memory quota standard-a1-memory-count to ${local.free.memory_gb} in tenancy where request.ad = '${local.domain}'",
    "set compute-core quota standard-a1-core-regional-count to ${local.free.ocpus} in tenancy where request.region = '${var.region}'",
    "set compute-memory quota standard-a1-memory-regional-count to ${local.free.memory_gb} in tenancy where request.region = '${var.region}'",
    "set block-storage quota volume-count to 4 in tenancy where request.ad = '${local.domain}'",
    "set block-storage quota total-storage-gb to ${local.free.storage_gb} in tenancy where request.ad = '${local.domain}'",
    "set load-balancer quota lb-flexible-count to ${local.free.balancers} in tenancy",
    "set load-balancer quota lb-flexible-bandwidth-sum to ${local.free.balancer_mbps} in tenancy",
  ]
}

module "network" {
  source = "../modules/network-oci"

  name           = local.name
  compartment_id = oci_identity_compartment.this.id
  cidr           = var.network_cidr
  api_cidrs      = var.api_cidrs
  tags           = local.tags
}

resource "oci_containerengine_cluster" "this" {
  compartment_id     = oci_identity_compartment.this.id
  name               = local.name
  vcn_id             = module.network.vcn_id
  kubernetes_version = local.version
  type               = "BASIC_CLUSTER" # free; an enhanced one is paid by the hour
  freeform_tags      = local.tags

  cluster_pod_network_options {
    cni_type = "FLANNEL_OVERLAY"
  }

  endpoint_config {
    is_public_ip_enabled = true
    subnet_id            = module.network.subnet_ids["api"]
    nsg_ids              = [module.network.security_group_ids["api"]]
  }

  options {
    service_lb_subnet_ids = [module.network.subnet_ids["balancer"]]

    service_lb_config {
      freeform_tags = local.tags
    }

    persistent_volume_config {
      freeform_tags = local.tags
    }
  }

  depends_on = [oci_limits_quota.free]
}

# The newest patch version of the minor one, and the newest image for it and the Arm shape.
data "oci_containerengine_cluster_option" "all" {
  cluster_option_id = "all"
}

data "oci_containerengine_node_pool_option" "this" {
  node_pool_option_id = oci_containerengine_cluster.this.id
}

locals {
  patches = [
    for one in data.oci_containerengine_cluster_option.all.kubernetes_versions :
    tonumber(split(".", one)[2]) if startswith(one, "v${var.kubernetes_version}.")
  ]
  version = "v${var.kubernetes_version}.${max(local.patches...)}"
  images = [
    for one in data.oci_containerengine_node_pool_option.this.sources : one.image_id
    if can(regex("aarch64.*OKE-${trimprefix(local.version, "v")}", one.source_name))
  ]
}

resource "oci_containerengine_node_pool" "this" {
  compartment_id     = oci_identity_compartment.this.id
  cluster_id         = oci_containerengine_cluster.this.id
  name               = "arm"
  kubernetes_version = local.version
  node_shape         = local.shape
  freeform_tags      = local.tags

  node_shape_config {
    ocpus         = var.node_ocpus
    memory_in_gbs = var.node_memory_gb
  }

  node_source_details {
    source_type             = "IMAGE"
    image_id                = local.images[0]
    boot_volume_size_in_gbs = var.node_boot_gb
  }

  node_config_details {
    size          = var.nodes
    nsg_ids       = [module.network.security_group_ids["nodes"]]
    freeform_tags = local.tags

    placement_configs {
      availability_domain = local.domain
      subnet_id           = module.network.subnet_ids["nodes"]
    }
  }

  lifecycle {
    ignore_changes = [node_source_details[0].image_id] # a new image is an upgrade: docs/upgrade.md
  }
}

module "dns" {
  source = "../modules/dns-oci"

  compartment_id  = oci_identity_compartment.this.id
  domain          = var.domain
  ingress_address = var.ingress_address
  tags            = local.tags
}

module "registry" {
  source = "../modules/registry-oci"

  name           = local.name
  compartment_id = oci_identity_compartment.this.id
  region         = var.region
  tags           = local.tags
}

module "vault" {
  source = "../modules/vault-oci"

  name             = local.name
  tenancy_id       = var.tenancy_id
  compartment_id   = oci_identity_compartment.this.id
  compartment_name = oci_identity_compartment.this.name
  tags             = local.tags
}

module "backup" {
  source = "../modules/backup-oci"

  name           = local.name
  compartment_id = oci_identity_compartment.this.id
  region         = var.region
  keep_days      = var.dump_days
  expires        = var.upload_expires
  tags           = local.tags
}

module "budget" {
  source = "../modules/budget-oci"

  name           = local.name
  tenancy_id     = var.tenancy_id
  compartment_id = oci_identity_compartment.this.id
  amount         = var.budget_amount
  emails         = var.budget_emails
  tags           = local.tags
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
