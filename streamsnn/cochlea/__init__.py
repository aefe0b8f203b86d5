"""Sound becomes spikes: a membrane of many places, its hair cells, and the bushy cells that listen to them."""
