"""`make run`: starts every part on one machine, watches over them, stops them cleanly."""
