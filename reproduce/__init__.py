"""Top floor: one script per table or figure of a paper, and the few helpers they share."""
