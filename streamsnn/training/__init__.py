"""From labelled recordings to a model folder. Importing this package is cheap; torch is loaded when training begins."""
