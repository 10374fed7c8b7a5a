variable "name" {
  description = "Prefix of all names, for example taskflow-prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "name: 3 to 31 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "billing_account" {
  description = "Billing account, as XXXXXX-XXXXXX-XXXXXX."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-F]{6}(-[0-9A-F]{6}){2}$", var.billing_account))
    error_message = "billing_account: XXXXXX-XXXXXX-XXXXXX."
  }
}

variable "project_number" {
  description = "Project that is counted."
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
