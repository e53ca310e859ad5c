"""The commands, one file each; `samenet.cli.main` imports one only when it is called."""
