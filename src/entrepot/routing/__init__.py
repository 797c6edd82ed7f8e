"""Where does it go? Candidates for a model, in order."""
