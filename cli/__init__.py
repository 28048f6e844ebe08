"""How do people ask? One file for each command; heavy imports live inside the commands."""
