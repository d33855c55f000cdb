"""What the end-to-end tests are made of: real Envoys, servers and clients, and the files that they read."""
