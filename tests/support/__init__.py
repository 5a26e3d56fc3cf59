"""What several tests need: the database, the cast, signed requests."""
