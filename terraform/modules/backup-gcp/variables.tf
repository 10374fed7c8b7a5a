variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "project" {
  description = "Project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "keep_days" {
  description = "After how many days a dump is deleted."
  type        = number

  validation {
    condition     = var.keep_days >= 7 && var.keep_days <= 365
    error_message = "keep_days: 7 to 365."
  }
}

variable "writer" {
  description = "Kubernetes ServiceAccount that may create objects, as namespace/name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+/[a-z0-9-]+$", var.writer))
    error_message = "writer: namespace/name."
  }
}

variable "labels" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
