"""Results: records, the store, statistics, and the tables that reports show."""
