# Topics are not declared here: the release makes them before anything that reads them (kafka.topics.manage: job).
resource "redpanda_resource_group" "this" {
  name = var.name
}

resource "redpanda_serverless_cluster" "this" {
  name              = var.name
  resource_group_id = redpanda_resource_group.this.id
  serverless_region = var.region
}

resource "random_password" "user" {
  length  = 40
  special = false
}

resource "redpanda_user" "this" {
  name            = local.user
  password        = random_password.user.result
  mechanism       = local.mechanism
  cluster_api_url = redpanda_serverless_cluster.this.cluster_api_url
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
  cluster_api_url       = redpanda_serverless_cluster.this.cluster_api_url
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
