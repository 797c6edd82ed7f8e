"""What holds now? The immutable tables of one moment, and the feed that tells when there is a newer one."""
