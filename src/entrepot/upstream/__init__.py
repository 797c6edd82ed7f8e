"""The only code that opens outbound connections: our own HTTP/1.1 client (`client.Upstream`)."""
