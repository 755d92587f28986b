"""The Python side of mrmd-python: the runtime as an ASGI application.

    from mrmd_python import create_app

    app = create_app(cwd=".")  # uvicorn.run(app, port=8000)

The runtime itself is a program of its own, which the same wheel installs as
``mrmd-python``; ``python -m mrmd_python`` runs it.
"""

__all__ = ["create_app"]


def __getattr__(name):
    # asyncio takes longer to import than the program needs for most commands.
    if name == "create_app":
        from mrmd_python.app import create_app

        return create_app
    if name == "__version__":
        import importlib.metadata

        return importlib.metadata.version("mrmd-python")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
