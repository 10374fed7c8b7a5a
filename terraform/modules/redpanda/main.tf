# Topics are not declared here: the release makes them before anything that reads them (kafka.topics.manage: job).
resource "redpanda_resource_group" "this" {
  name = var.name
}

resource "redpanda_serverless_cluster" "this" {
  name              = var.name
  resource_group_id = redpanda_resource_group.this.id
  serverless_region = var.region
  allow_deletion    = var.allow_deletion
  tags              = var.tags
}

resource "random_password" "user" {
  length  = 40
  special = false
}

resource "redpanda_user" "this" {
  name        = local.user
  password_wo = random_password.user.result
  # Any other number when the password changes: a write-only value is not compared.
  password_wo_version = parseint(substr(sha256(random_password.user.result), 0, 7), 16)
  allow_deletion      = true
  mechanism           = local.mechanism
  cluster_api_url     = redpanda_serverless_cluster.this.dataplane_api.url
}

# One principal for functions and Knative's data plane: its groups are named by Knative. Serverless bounds users
# and groups, and gives no client certificates.
resource "redpanda_acl" "this" {
  for_each = local.rights

  resource_type         = each.value.type
  resource_name         = each.value.name
  resource_pattern_type = each.value.pattern
  principal             = "User:${redpanda_user.this.name}"
  host                  = "*"
  operation             = each.value.operation
  permission_type       = "ALLOW"
  allow_deletion        = true
  cluster_api_url       = redpanda_serverless_cluster.this.dataplane_api.url
}

locals {
  user      = "taskflow"
  mechanism = "scram-sha-256"
  topics    = ["task-events", "reminders", "task-updates"] # each has its -dlq, which the prefix covers
  rights = merge(
    { for one in setproduct(local.topics, ["READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"]) :
      "topic-${one[0]}-${one[1]}" => { type = "TOPIC", name = one[0], pattern = "PREFIXED", operation = one[1] }
    },
    { for operation in ["READ", "DESCRIBE"] :
      "group-${operation}" => { type = "GROUP", name = "*", pattern = "LITERAL", operation = operation }
    },
  )
}
