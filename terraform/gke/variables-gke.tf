variable "region" {
  description = "Region, as europe-west4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region: as europe-west4."
  }
}

variable "zone" {
  description = "Zone of a zonal cluster, as b; empty for a regional one."
  type        = string

  validation {
    condition     = can(regex("^[a-f]?$", var.zone)) && (var.environment != "prod" || var.zone == "")
    error_message = "zone: one letter or empty; prod is regional."
  }
}

variable "project" {
  description = "Project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: the id of a project."
  }
}

variable "billing_account" {
  description = "Billing account, as XXXXXX-XXXXXX-XXXXXX."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-F]{6}(-[0-9A-F]{6}){2}$", var.billing_account))
    error_message = "billing_account: XXXXXX-XXXXXX-XXXXXX."
  }
}

variable "machine_type" {
  description = "Type of the nodes; Arm (t2a, c4a) or x86."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+-[a-z]+-[0-9]+$", var.machine_type))
    error_message = "machine_type: as c4a-standard-4."
  }
}

variable "node_arch" {
  description = "Architecture of that type, as images name it."
  type        = string

  validation {
    condition     = contains(["arm64", "amd64"], var.node_arch)
    error_message = "node_arch: arm64 or amd64."
  }
}

variable "nodes" {
  description = "Number of nodes in each zone."
  type        = number

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 10
    error_message = "nodes: 1 to 10."
  }
}

variable "pods_cidr" {
  description = "Addresses of the pods."
  type        = string
  default     = "10.44.0.0/14"

  validation {
    condition     = can(cidrhost(var.pods_cidr, 0))
    error_message = "pods_cidr: an IPv4 network."
  }
}

variable "services_cidr" {
  description = "Addresses of the Kubernetes Services."
  type        = string
  default     = "10.48.0.0/20"

  validation {
    condition     = can(cidrhost(var.services_cidr, 0))
    error_message = "services_cidr: an IPv4 network."
  }
}
