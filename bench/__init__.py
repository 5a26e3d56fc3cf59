"""The benchmarks behind every performance claim: real service, real PostgreSQL, stored rows counted against acknowledgements."""
