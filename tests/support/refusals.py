"""Reading a refusal: status, stable code, problem document."""

import httpx

PROBLEM = "application/problem+json"


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal, having checked that it is a whole problem document (RFC 9457)."""
    assert answer.headers["content-type"] == PROBLEM, (answer.status_code, answer.text)
    problem = answer.json()
    assert {"type", "title", "status", "code"} <= problem.keys()
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["code"]
