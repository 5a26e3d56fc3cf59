"""Technical kit: database, clock, errors, pagination, metrics. Knows no subject of the product."""
