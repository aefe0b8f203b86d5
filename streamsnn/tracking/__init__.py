"""Moving objects, boxed and named by ids, from the events alone: trackers, and what all of them share."""
