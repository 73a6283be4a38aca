# A small instance to start from: made-up tables of a shop, and real CSV files. Relative paths are relative to this file.

instance {
  name     = "Example"
  data_dir = "data"
}

server {
  listen = "127.0.0.1:8080"
}

plugins {
  dir   = "plugins.d"
  trust = "tofu" # trust a plugin at its first use, and only that file from then on
}

access {
  admins = ["ada@example.com"]

  group "everyone" {
    tables = ["aviation.*"]
  }
}

# Nine tables of a made-up shop, 1 MB.
source "sample" "shop" {
  schedule = "0 6 * * *"

  config {
    size = "xs"
    seed = 42
  }
}

# Each CSV file in ./files is one stream: airports and birdstrikes.
source "csv" "files" {
  schedule = "@every 15m"

  config {
    path   = "files"
    ragged = "fail" # a broken row stops the table, with file and line; its last good version stays
  }
}
