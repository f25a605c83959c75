"""Makes the manual pages and the tables of CONFIGURATION.md from the option parsers and the model of the configuration."""
