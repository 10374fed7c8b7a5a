# The administrator makes the roles and the database (scripts/migrate up with ADMIN_DATABASE_URL); functions and
# migrations have roles of their own, whose passwords are made here so that they are nowhere else.
resource "neon_project" "this" {
  name                      = var.name
  region_id                 = var.region
  org_id                    = var.organization == "" ? null : var.organization
  pg_version                = var.postgresql_version
  history_retention_seconds = var.history_seconds
  store_password            = "yes"

  branch {
    name          = "main"
    database_name = "postgres"
    role_name     = local.administrator
  }

  default_endpoint_settings {
    autoscaling_limit_min_cu = 0.25
    autoscaling_limit_max_cu = var.max_cu
  }
}

resource "random_password" "role" {
  for_each = toset(local.roles)

  length  = 40
  special = false # the password becomes part of a URL
}

locals {
  administrator = "taskflow_admin"
  database      = "taskflow"
  roles         = ["owner", "api", "consumer", "ticker", "relay"] # shared/db/roles.py
  host          = neon_project.this.database_host
  # Functions go through the pooler; migrations, dumps and LISTEN do not (docs/decisions/0012).
  pooler = replace(local.host, "/^([^.]+)/", "$1-pooler")
}
