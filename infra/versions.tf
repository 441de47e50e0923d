terraform {
  # Ephemeral resources (since 1.10) and write-only arguments (since 1.11) keep the link secret out of the state.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Below the next major version, which renames arguments.
      version = ">= 5.100, < 6.0"
    }
  }
}

# There is no provider block. As root module this uses the environment's region and credentials, and the examples call
# it as a module under a provider of their own.
