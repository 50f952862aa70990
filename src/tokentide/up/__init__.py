"""`tokentide up`: everything on this machine, started in order, kept alive, stopped in order."""
