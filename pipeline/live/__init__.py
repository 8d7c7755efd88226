"""Live scanning without its surroundings: what is scanned, decided, followed; pure."""
