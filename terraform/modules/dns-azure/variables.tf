variable "resource_group" {
  description = "Resource group of the zone."
  type        = string
}

variable "domain" {
  description = "Domain that the functions answer to."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain)) && !endswith(var.domain, "example.com")
    error_message = "domain: a DNS name of yours in lower case, without a final dot."
  }
}

variable "tags" {
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
