variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "Region of Neon, for example aws-eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^(aws|azure)-[a-z0-9-]+$", var.region))
    error_message = "region: one of Neon, such as aws-eu-central-1 or azure-westeurope."
  }
}

variable "organization" {
  description = "Organisation of Neon that owns the project; empty for the personal account."
  type        = string
  default     = ""
}

variable "postgresql_version" {
  description = "Major version of PostgreSQL."
  type        = number

  validation {
    condition     = var.postgresql_version >= 16
    error_message = "postgresql_version: 16 or later."
  }
}

variable "max_cu" {
  description = "Largest compute of the endpoint, in compute units."
  type        = number

  validation {
    condition     = var.max_cu >= 0.25 && var.max_cu <= 8
    error_message = "max_cu: 0.25 to 8."
  }
}

variable "history_seconds" {
  description = "How far back a point-in-time restore reaches."
  type        = number

  validation {
    condition     = var.history_seconds >= 0 && var.history_seconds <= 2592000
    error_message = "history_seconds: 0 to 30 days."
  }
}
