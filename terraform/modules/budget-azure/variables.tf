variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "resource_group_id" {
  description = "Resource group that is counted."
  type        = string
}

variable "amount" {
  description = "Whole units of the account's currency a month."
  type        = number

  validation {
    condition     = var.amount > 0
    error_message = "amount: more than 0."
  }
}

variable "emails" {
  description = "Who is told."
  type        = list(string)

  validation {
    condition     = length(var.emails) > 0 && alltrue([for one in var.emails : can(regex("^[^@ ,;]+@[^@ ,;]+$", one))])
    error_message = "emails: at least one address."
  }
}

variable "start" {
  description = "First day of a month from which it counts, as 2026-12-01T00:00:00Z."
  type        = string

  validation {
    condition     = can(regex("^20[0-9]{2}-(0[1-9]|1[0-2])-01T00:00:00Z$", var.start))
    error_message = "start: the first day of a month, 2026-12-01T00:00:00Z."
  }
}
