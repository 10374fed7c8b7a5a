variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "domain" {
  description = "Domain that the functions answer to."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain)) && !endswith(var.domain, "example.com")
    error_message = "domain: a DNS name of yours in lower case, without a final dot."
  }
}

variable "labels" {
  description = "Tags of everything that can have some."
  type        = map(string)
}

variable "ingress_address" {
  description = "IPv4 address of the ingress, once it has one; empty: no records yet."
  type        = string
  default     = ""

  validation {
    condition     = var.ingress_address == "" || can(cidrhost("${var.ingress_address}/32", 0))
    error_message = "ingress_address: an IPv4 address."
  }
}
