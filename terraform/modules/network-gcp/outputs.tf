output "network_id" {
  description = "The network."
  value       = google_compute_network.this.id
}

output "subnetwork_id" {
  description = "Subnet of the nodes."
  value       = google_compute_subnetwork.nodes.id
}

output "control_plane_cidr" {
  description = "Addresses of the control plane."
  value       = local.control_plane_cidr
}
