terraform {
  required_version = ">= 1.12.0, < 2.0.0"

  backend "azurerm" {}

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "5.2.0"
    }
    neon = {
      source  = "kislerdm/neon"
      version = "0.15.0"
    }
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

provider "azurerm" {
  subscription_id = var.subscription_id

  features {}
}

# Credentials come from the environment: NEON_API_KEY, REDPANDA_CLIENT_ID and REDPANDA_CLIENT_SECRET, the cloud's own.
provider "neon" {}

provider "redpanda" {}
