variable "region" {
  description = "Region, as westeurope."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.region))
    error_message = "region: as westeurope, without spaces."
  }
}

variable "subscription_id" {
  description = "Subscription that pays."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id: a UUID."
  }
}

variable "node_size" {
  description = "Size of the nodes; Arm (…p…) or x86."
  type        = string

  validation {
    condition     = startswith(var.node_size, "Standard_")
    error_message = "node_size: as Standard_D4ps_v6."
  }
}

variable "node_arch" {
  description = "Architecture of that size, as images name it."
  type        = string

  validation {
    condition     = contains(["arm64", "amd64"], var.node_arch)
    error_message = "node_arch: arm64 or amd64."
  }
}

variable "nodes" {
  description = "Number of nodes."
  type        = number

  validation {
    condition     = var.nodes >= 1 && var.nodes <= 10
    error_message = "nodes: 1 to 10."
  }
}

variable "paid_control_plane" {
  description = "An uptime SLA for the Kubernetes API, paid by the hour."
  type        = bool

  validation {
    condition     = var.environment != "prod" || var.paid_control_plane
    error_message = "paid_control_plane: the free tier is not for prod."
  }
}

variable "budget_start" {
  description = "First day of the month from which the budget counts."
  type        = string

  validation {
    condition     = can(regex("^20[0-9]{2}-(0[1-9]|1[0-2])-01T00:00:00Z$", var.budget_start))
    error_message = "budget_start: as 2026-12-01T00:00:00Z."
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
