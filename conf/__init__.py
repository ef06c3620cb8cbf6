"""Settings: base.yml, and one YAML file per environment that is laid over it."""
