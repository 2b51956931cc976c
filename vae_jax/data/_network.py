"""Is a file on the network within reach? Answered in seconds, whatever happens."""

import threading
import urllib.request

TIMEOUT_S = 3.0


def why_unreachable(url: str) -> str | None:
    """Why a file cannot be downloaded now, or nothing if it can.

    Honours the proxies of the environment. Asked in a thread, because no time-out
    covers the look-up of a host's address.

    >>> why_unreachable("file:///nowhere")[:33]
    'file:///nowhere cannot be reached'
    """
    problems = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                problems.append("")
        # URLError and time-outs are OSErrors; a malformed answer is not
        except Exception as error:
            problems.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    problem = problems[0] if problems else f"no answer within {TIMEOUT_S:g} s"
    return f"{url} cannot be reached ({problem})" if problem else None
