"""The user's own code: found by `package.module:name`, called, known by its source."""

from vae_jax.own._source import source_digest, user_function, user_object

__all__ = ["source_digest", "user_function", "user_object"]
