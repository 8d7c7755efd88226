"""What people type about live watching: on, off, status, replay; parsed to requests."""
