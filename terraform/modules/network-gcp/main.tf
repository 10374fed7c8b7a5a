# Nodes have no public address and go out through NAT. Google Cloud opens nothing by default in a network without
# automatic subnets; GKE adds the rules of its own load balancers.
resource "google_compute_network" "this" {
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "nodes" {
  name                     = "${var.name}-nodes"
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = var.cidr
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = var.pods_cidr
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = var.services_cidr
  }
}

resource "google_compute_router" "this" {
  name    = var.name
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  name                               = var.name
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

# The webhooks of Knative, cert-manager and others are called by the control plane, whose range GKE opens for 443
# and 10250 only.
resource "google_compute_firewall" "webhooks" {
  name          = "${var.name}-webhooks"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  source_ranges = [local.control_plane_cidr]

  allow {
    protocol = "tcp"
    ports    = ["8443", "9443"]
  }
}

locals {
  control_plane_cidr = "172.16.0.0/28"
}
