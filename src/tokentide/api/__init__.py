"""The read API: several public dialects over one set of questions."""
