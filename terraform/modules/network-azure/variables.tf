variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "resource_group" {
  description = "Resource group of the network."
  type        = string
}

variable "location" {
  description = "Region."
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

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
