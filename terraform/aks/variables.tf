variable "environment" {
  description = "Which installation this is."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment: dev, staging or prod."
  }
}

variable "name" {
  description = "What all names begin with; the environment follows."
  type        = string
  default     = "taskflow"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,15}$", var.name))
    error_message = "name: 3 to 16 lower-case letters and digits, a letter first."
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

variable "ingress_address" {
  description = "IPv4 address of the ingress, once it has one; empty: no records yet."
  type        = string
  default     = ""

  validation {
    condition     = var.ingress_address == "" || can(cidrhost("${var.ingress_address}/32", 0))
    error_message = "ingress_address: an IPv4 address."
  }
}

variable "kubernetes_version" {
  description = "Minor version of Kubernetes."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version)) && tonumber(split(".", var.kubernetes_version)[1]) >= 34
    error_message = "kubernetes_version: 1.34 or later; Knative refuses older ones."
  }
}

variable "network_cidr" {
  description = "Addresses of the network."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && tonumber(split("/", var.network_cidr)[1]) <= 20
    error_message = "network_cidr: an IPv4 network of /20 or larger."
  }
}

variable "api_cidrs" {
  description = "Networks that may reach the Kubernetes API."
  type        = list(string)

  validation {
    condition     = length(var.api_cidrs) > 0 && alltrue([for one in var.api_cidrs : can(cidrhost(one, 0)) && (var.environment != "prod" || one != "0.0.0.0/0")])
    error_message = "api_cidrs: at least one IPv4 network; prod is not open to everybody."
  }
}

variable "database" {
  description = "Where PostgreSQL runs: neon, or in-cluster (the chart's)."
  type        = string

  validation {
    condition     = contains(["neon", "in-cluster"], var.database)
    error_message = "database: neon or in-cluster."
  }
}

variable "neon_region" {
  description = "Region of Neon; wanted with database = neon."
  type        = string
  default     = ""

  validation {
    condition     = var.database != "neon" || can(regex("^(aws|azure)-[a-z0-9-]+$", var.neon_region))
    error_message = "neon_region: one of Neon, such as aws-eu-central-1."
  }
}

variable "neon_organization" {
  description = "Organisation of Neon; empty for the personal account."
  type        = string
  default     = ""
}

variable "neon_max_cu" {
  description = "Largest compute of Neon, in compute units."
  type        = number
  default     = 1

  validation {
    condition     = var.neon_max_cu >= 0.25 && var.neon_max_cu <= 8
    error_message = "neon_max_cu: 0.25 to 8."
  }
}

variable "postgresql_version" {
  description = "Major version of PostgreSQL."
  type        = number
  default     = 18

  validation {
    condition     = var.postgresql_version >= 16
    error_message = "postgresql_version: 16 or later."
  }
}

variable "kafka" {
  description = "Where Kafka runs: redpanda-serverless, or in-cluster (Strimzi, the chart's)."
  type        = string

  validation {
    condition     = contains(["redpanda-serverless", "in-cluster"], var.kafka)
    error_message = "kafka: redpanda-serverless or in-cluster."
  }
}

variable "redpanda_region" {
  description = "Region of Redpanda Serverless; wanted with kafka = redpanda-serverless."
  type        = string
  default     = ""

  validation {
    condition     = var.kafka != "redpanda-serverless" || can(regex("^[a-z]+-[a-z]+-?[0-9]$", var.redpanda_region))
    error_message = "redpanda_region: one of Redpanda Serverless, such as eu-central-1."
  }
}

variable "budget_amount" {
  description = "Whole units of the account's currency a month."
  type        = number

  validation {
    condition     = var.budget_amount > 0
    error_message = "budget_amount: more than 0."
  }
}

variable "budget_emails" {
  description = "Who is told at half, all and a forecast of all of it."
  type        = list(string)

  validation {
    condition     = length(var.budget_emails) > 0 && alltrue([for one in var.budget_emails : can(regex("^[^@ ,;]+@[^@ ,;]+$", one))])
    error_message = "budget_emails: at least one address."
  }
}

variable "dump_days" {
  description = "After how many days a dump in the bucket is deleted."
  type        = number
  default     = 35

  validation {
    condition     = var.dump_days >= 7 && var.dump_days <= 365
    error_message = "dump_days: 7 to 365."
  }
}

variable "tags" {
  description = "Further tags of everything that can have some."
  type        = map(string)
  default     = {}
}
