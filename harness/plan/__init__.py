"""Planning: names, suites, fingerprints and the jobs that a suite needs. Nothing imports torch."""
