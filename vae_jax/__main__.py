"""`python -m vae_jax`: the same as the console script `vae-jax`."""

from vae_jax.cli import main

if __name__ == "__main__":
    main()
