output "vcn_id" {
  description = "The network."
  value       = oci_core_vcn.this.id
}

output "subnet_ids" {
  description = "Subnets by purpose: api, balancer, nodes."
  value       = { for name, subnet in oci_core_subnet.this : name => subnet.id }
}

output "security_group_ids" {
  description = "Security groups by purpose: api, balancer, nodes."
  value       = { for name, group in oci_core_network_security_group.this : name => group.id }
}
