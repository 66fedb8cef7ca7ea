"""Running a table: from flags to training, measuring and a record."""
