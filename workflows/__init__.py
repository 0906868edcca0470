"""The story of a case as a durable workflow, and the names outsiders hold on to."""
