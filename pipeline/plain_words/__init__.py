"""Plain words in English and Russian to the command that they ask for; by rules, no model."""
