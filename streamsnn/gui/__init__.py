"""The window. The only place that imports Qt or pyqtgraph; it talks to the engine in messages and reads its screen."""
