"""The shipped tasks, one TOML file each, and the sources their data come from."""
