terraform {
  required_version = ">= 1.12.0, < 2.0.0"

  required_providers {
    redpanda = {
      source  = "redpanda-data/redpanda"
      version = "2.1.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "3.7.2"
    }
  }
}
