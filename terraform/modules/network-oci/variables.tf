variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "compartment_id" {
  description = "Compartment of the network."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "cidr: an IPv4 network of /20 or larger."
  }
}

variable "api_cidrs" {
  description = "Networks that may reach the Kubernetes API."
  type        = list(string)

  validation {
    condition     = length(var.api_cidrs) > 0 && alltrue([for one in var.api_cidrs : can(cidrhost(one, 0))])
    error_message = "api_cidrs: at least one IPv4 network, for example your own address with /32."
  }
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
