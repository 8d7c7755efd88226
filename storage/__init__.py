"""Everything outside the process: one port and one file per thing."""
