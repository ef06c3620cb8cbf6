"""The command `fabyield`: one module per command."""
