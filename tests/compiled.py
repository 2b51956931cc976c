"""A jitted function that counts its programs, as JAX tells its listeners of them."""

from jax import monitoring

EVENT = "/jax/core/compile/backend_compile_duration"


class Counted:
    """A jitted function, and how many programs its calls have compiled.

    JAX's own `_cache_size` counts what its quick way of calling a program holds, which a
    program that was compiled once may be missing from.
    """

    def __init__(self, jitted):
        self.jitted, self.programs = jitted, 0
        # a partial function has no name; JAX calls its program after what it is of
        made = getattr(jitted, "__wrapped__", jitted)
        self.name = getattr(made, "func", made).__name__

    def __call__(self, *args, **options):
        monitoring.register_event_duration_secs_listener(self.heard)
        try:
            return self.jitted(*args, **options)
        finally:
            monitoring.unregister_event_duration_listener(self.heard)

    def heard(self, event, _seconds, fun_name="", **_):
        self.programs += event == EVENT and fun_name == f"jit({self.name})"
