"""How members run: cohorts, meshes, compiled programs, memory, strategies, hosts."""
