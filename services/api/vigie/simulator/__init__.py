"""A simulated fleet: practices, machines that live and fail as machines do, and their reports over HTTP or in process.

For demonstrations, load and end-to-end tests. It shares no code with the intake: it speaks the protocol of
docs/protocol.md as an agent does, and its digests are computed by its own hand.
"""
