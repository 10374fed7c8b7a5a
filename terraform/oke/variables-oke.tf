variable "region" {
  description = "Region, as eu-frankfurt-1; the free tier is in the home region only."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]+-[0-9]$", var.region))
    error_message = "region: as eu-frankfurt-1."
  }
}

variable "tenancy_id" {
  description = "OCID of the tenancy."
  type        = string

  validation {
    condition     = startswith(var.tenancy_id, "ocid1.tenancy.")
    error_message = "tenancy_id: an OCID of a tenancy."
  }
}

variable "availability_domain" {
  description = "Number of the availability domain of the nodes: 1, 2 or 3."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3], var.availability_domain)
    error_message = "availability_domain: 1, 2 or 3."
  }
}

variable "free_tier" {
  description = "Stay inside what Oracle gives for nothing: a quota policy refuses every paid shape."
  type        = bool
}

variable "nodes" {
  description = "Number of nodes."
  type        = number

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 10 && (!var.free_tier || var.nodes <= 2)
    error_message = "nodes: 1 to 10; in the free tier at most 2."
  }
}

variable "node_ocpus" {
  description = "OCPUs of each node."
  type        = number

  validation {
    condition     = var.node_ocpus >= 1 && (!var.free_tier || var.nodes * var.node_ocpus <= 2)
    error_message = "node_ocpus: at least 1; the free tier is 2 for all nodes together."
  }
}

variable "node_memory_gb" {
  description = "Memory of each node in GB."
  type        = number

  validation {
    condition     = var.node_memory_gb >= 6 && (!var.free_tier || var.nodes * var.node_memory_gb <= 12)
    error_message = "node_memory_gb: at least 6; the free tier is 12 for all nodes together."
  }
}

variable "node_boot_gb" {
  description = "Boot volume of each node in GB."
  type        = number

  validation {
    condition     = var.node_boot_gb >= 50 && (!var.free_tier || var.nodes * var.node_boot_gb <= 100)
    error_message = "node_boot_gb: at least 50; in the free tier 100 for all nodes, so that two volumes of 50 remain."
  }
}

variable "upload_expires" {
  description = "When the upload address of dumps stops working."
  type        = string

  validation {
    condition     = can(formatdate("YYYY", var.upload_expires))
    error_message = "upload_expires: RFC 3339, for example 2027-12-01T00:00:00Z."
  }
}
