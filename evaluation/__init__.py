"""What is measured and shown: records, tables, pages, pictures."""
