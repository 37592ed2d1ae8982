# The guest's two entry points, and what is done before the snapshot is taken.
import gc

import library

MISSING = library.load()

import wit_world  # noqa: E402  (the library comes first)

import loop  # noqa: E402
import report  # noqa: E402
import script  # noqa: E402
import space  # noqa: E402
import zones  # noqa: E402


class WitWorld(wit_world.WitWorld):
    """What the host calls."""

    def warm(self):
        """Prepares this instance for one run."""
        script.warm()

    def run(self, task):
        """Runs one script; nothing that it does gets out of here as an exception."""
        try:
            code, reason, out_of_memory = script.run(task.source, task.file_name, task.context)
        except BaseException as error:  # noqa: BLE001
            return wit_world.Ending(1, type(error).__name__, isinstance(error, MemoryError))
        return wit_world.Ending(code, reason, out_of_memory)


loop.install()
zones.install()
space.install()
script.install()
report.hide(__file__, script.__file__, loop.__file__, space.__file__)
script.rehearse_for_snapshot(20)
gc.collect()
gc.freeze()
