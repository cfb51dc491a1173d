"""What a deployment did and when: lines for people, one JSON line for programs."""

import json
import time

from media_sandbox.home import Home


class Record:
    """The steps of one deployment, printed as they come and kept in `<home>/deployments.jsonl` at the end."""

    def __init__(self, home: Home, release: str, old: str):
        self._home = home
        self._began = time.monotonic()
        self._facts = {"release": release, "from": old, "started_at": time.time(), "steps": []}

    def step(self, text: str) -> None:
        """Print a step with the seconds since the deployment began."""
        after = time.monotonic() - self._began
        self._facts["steps"].append({"step": text, "at": time.time(), "after_s": round(after, 3)})
        print(f"media_sandbox: {after:7.3f} s  {text}", flush=True)

    def note(self, **facts: object) -> None:
        """Keep further facts."""
        self._facts.update(facts)

    def close(self, result: str) -> None:
        """Append the line; `result` is done, no-op, failed or interrupted."""
        self.note(result=result, ended_at=time.time())
        with open(self._home.deployments, "a") as file:
            file.write(json.dumps(self._facts) + "\n")
