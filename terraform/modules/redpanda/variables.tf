variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of Redpanda Serverless, for example eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+-?[0-9]$", var.region))
    error_message = "region: one of Redpanda Serverless, such as eu-central-1."
  }
}

variable "allow_deletion" {
  description = "Whether destroy may delete the cluster with its records."
  type        = bool
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
