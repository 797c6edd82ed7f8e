"""Wires everything: one root a process. A gateway worker carries no control plane."""
