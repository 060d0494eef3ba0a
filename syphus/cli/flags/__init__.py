"""The flags of all commands. Imported for every command's help, so nothing heavy is imported here."""
