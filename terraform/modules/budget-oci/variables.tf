variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "tenancy_id" {
  description = "Tenancy, where budgets live."
  type        = string
}

variable "compartment_id" {
  description = "Compartment that is counted."
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

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
}
