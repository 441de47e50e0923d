# The minimum: a region, and the sender's address. A Cognito user pool of the deployment issues the tokens.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "darkroom" {
  source = "../.."

  sender_address = "photos@example.com"
}

output "api_url" {
  value = module.darkroom.api_url
}

output "user_pool_id" {
  value = module.darkroom.user_pool_id
}
