"""The Vigie agent: reports patch, backup and protection status of one computer, and nothing else.

It opens no port, obeys no remote command and keeps no process between runs. It shares no code with the server,
only the protocol document and the heartbeat schema.
"""

__version__ = "0.1.0"
