variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "resource_group" {
  description = "Resource group of the storage account."
  type        = string
}

variable "location" {
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

variable "starts" {
  description = "From when the upload address works."
  type        = string

  validation {
    condition     = can(formatdate("YYYY", var.starts))
    error_message = "starts: RFC 3339."
  }
}

variable "expires" {
  description = "When the upload address stops working."
  type        = string

  validation {
    condition     = can(formatdate("YYYY", var.expires))
    error_message = "expires: RFC 3339, for example 2027-12-01T00:00:00Z."
  }
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
