"""The command line in a process that gevent has patched: ``python -P -m crawler.patched ARGS...``.

Nobody imports this. It patches before anything else is loaded: what has already taken its locks and
sockets from the standard library keeps the blocking ones, and ssl loaded before the patch recurses
without end (gevent #1016). ``-P`` keeps the current directory off the path, where a file named like
a standard module would be loaded instead of it.
"""

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

    # Only now: everything that this loads is to find the patched modules.
    from crawler.__main__ import main

    main()
