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
  backup_job       = "todo-app/taskflow-jobs"
  location         = var.zone == "" ? var.region : "${var.region}-${var.zone}"
}

data "google_project" "this" {
  project_id = var.project
}

resource "google_project_service" "this" {
  for_each = toset([
    "artifactregistry", "billingbudgets", "compute", "container", "dns", "monitoring", "secretmanager", "storage",
  ])

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

module "network" {
  source = "../modules/network-gcp"

  name          = local.name
  region        = var.region
  cidr          = var.network_cidr
  pods_cidr     = var.pods_cidr
  services_cidr = var.services_cidr

  depends_on = [google_project_service.this]
}

resource "google_service_account" "nodes" {
  account_id   = "${local.name}-nodes"
  display_name = "Nodes of ${local.name}"
}

resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = "serviceAccount:${google_service_account.nodes.email}"
}

resource "google_container_cluster" "this" {
  name                     = local.name
  location                 = local.location
  network                  = module.network.network_id
  subnetwork               = module.network.subnetwork_id
  min_master_version       = var.kubernetes_version
  datapath_provider        = "ADVANCED_DATAPATH" # network policies
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = var.environment == "prod"
  resource_labels          = local.tags

  release_channel {
    channel = "REGULAR"
  }

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = false
    master_ipv4_cidr_block  = module.network.control_plane_cidr
  }

  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.api_cidrs

      content {
        cidr_block = cidr_blocks.value
      }
    }
  }

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }

  addons_config {
    gcs_fuse_csi_driver_config {
      enabled = true # the job that takes dumps mounts the bucket
    }
  }
}

resource "google_container_node_pool" "this" {
  name       = "nodes"
  location   = local.location
  cluster    = google_container_cluster.this.name
  node_count = var.nodes

  node_config {
    machine_type    = var.machine_type
    disk_size_gb    = 50
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    resource_labels = local.tags

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
}

module "dns" {
  source = "../modules/dns-gcp"

  name            = local.name
  domain          = var.domain
  ingress_address = var.ingress_address
  labels          = local.tags

  depends_on = [google_project_service.this]
}

module "registry" {
  source = "../modules/registry-gcp"

  name    = local.name
  project = var.project
  region  = var.region
  reader  = google_service_account.nodes.email
  labels  = local.tags

  depends_on = [google_project_service.this]
}

module "vault" {
  source = "../modules/vault-gcp"

  name    = local.name
  project = var.project
  reader  = local.external_secrets

  depends_on = [google_container_cluster.this]
}

module "backup" {
  source = "../modules/backup-gcp"

  name      = local.name
  project   = var.project
  region    = var.region
  keep_days = var.dump_days
  writer    = local.backup_job
  labels    = local.tags

  depends_on = [google_container_cluster.this]
}

module "budget" {
  source = "../modules/budget-gcp"

  name            = local.name
  billing_account = var.billing_account
  project_number  = data.google_project.this.number
  amount          = var.budget_amount
  emails          = var.budget_emails

  depends_on = [google_project_service.this]
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
