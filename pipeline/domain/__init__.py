"""The words of the house: frozen values that every floor shares, and nothing that acts."""
