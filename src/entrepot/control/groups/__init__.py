"""Groups: who pays which ratio, and which channels serve them."""
