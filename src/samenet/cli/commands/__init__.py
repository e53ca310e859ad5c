"""The commands, one file each; `samenet.cli` imports one only when it is called."""
