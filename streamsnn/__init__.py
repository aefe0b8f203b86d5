"""Event-camera and audio streams through stateful spiking networks, one time step at a time."""

__version__ = "0.1.0"
