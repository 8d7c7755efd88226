"""What many variants of a setup say together: grids, plateaus, walk-forward."""
