# A demo instance, written by "broker demo". Change it as you like; delete the folder to start again.

instance {
  name     = "Demo Shop"
  data_dir = "data"
}

server {
  listen = "{{.Listen}}"
}

plugins {
  dir   = "plugins.d"
  trust = "locked"
}

access {
  demo_login = ["ada@example.com", "bob@example.com"]
  admins     = ["ada@example.com"]

  group "shop" {
    members = ["bob@example.com"]
    tables  = ["shop.*"]
  }
}

# Nine tables of a made-up shop.
source "sample" "demo" {
  schedule = "0 6,14,19 * * *"

  config {
    size = "{{.Size}}"
    seed = 42
  }
}

# Every CSV file in ./files.
source "csv" "files" {
  schedule = "@every 15m"

  config {
    path = "files"
  }
}
{{if .Engine}}
# Answers "analyst query --remote" and POST /api/v1/query.
service "duckdb" {
  config {
    memory_mb = 1024
  }
}
{{end}}