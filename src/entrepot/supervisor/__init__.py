"""Who runs? One supervisor, N gateway workers on one public socket, one control process."""
