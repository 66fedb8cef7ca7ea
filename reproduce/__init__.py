"""One absl script per table or figure of a paper; `configs` holds their sizes and schedules."""
