# An asyncio event loop for a place without threads, signals and sockets: it runs callbacks and sleeps.
import asyncio
import asyncio.base_events
import asyncio.events
import time


class _Sleeper:
    """What the base loop takes for a selector: there is nothing to select, so it waits for the next timer."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("every task waits for something that can never happen here")
        if timeout > 0:
            time.sleep(timeout)
        return ()

    def close(self):
        pass


class EventLoop(asyncio.base_events.BaseEventLoop):
    """Tasks, timers, queues and locks work; the network and processes answer with an error."""

    def __init__(self):
        super().__init__()
        self._selector = _Sleeper()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def close(self):
        super().close()
        self._selector.close()


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    _loop_factory = EventLoop


def install():
    """Makes this the loop of `asyncio.run` and `asyncio.new_event_loop`."""
    asyncio.EventLoop = EventLoop
    asyncio.events._set_event_loop_policy(_Policy())
