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

variable "reader" {
  description = "Kubernetes ServiceAccount that reads, as namespace/name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+/[a-z0-9-]+$", var.reader))
    error_message = "reader: namespace/name."
  }
}
