"""The test harness: real Envoys, servers and clients, and the files that they read."""
