"""`make bench`: our figures and the field's, measured in the same run."""
