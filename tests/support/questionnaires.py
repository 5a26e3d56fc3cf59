"""A supplier questionnaire in the hands of whoever fills it in."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.suppliers import supply
from vigie.core.db import Database

NOT_HERE = {"answer": "not_applicable", "comment": "Nothing of the kind here"}


@dataclass
class Form:
    """A questionnaire by its address, and somebody who works on it."""

    who: Person
    path: str
    id: str

    async def read(self, who: Person | None = None) -> Any:
        """Return it as it stands."""
        return await (who or self.who).get(self.path)

    async def say(self, **answers: dict[str, Any] | None) -> httpx.Response:
        """Write answers, `Q2_3={…}` each; None for nothing at all."""
        body = [{"question": name.replace("_", "."), **(said or {})} for name, said in answers.items()]
        return await self.who.call("PUT", f"{self.path}/answers", json={"answers": body})

    async def fill(self, **otherwise: dict[str, Any] | None) -> Any:
        """Answer every question, most of them by what does not apply; return it as it stands then."""
        ids = [each["id"].replace(".", "_") for each in (await self.read())["questions"]]
        answer = await self.say(**{name: otherwise.get(name, NOT_HERE) for name in ids})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refresh(self, *, renew: bool = False) -> Any:
        """Look at the evidence again."""
        answer = await self.who.call("POST", f"{self.path}/refresh", json={"renew": renew})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign(self, who: Person, **bent: Any) -> httpx.Response:
        """Sign what somebody reads now, as the party they are."""
        party = "practitioner" if who.role == "practitioner" else "supplier"
        body = {"party": party, "content_hash": (await self.read())["content_hash"], **bent}
        return await who.call("POST", f"{self.path}/sign", json=body)

    async def question(self, name: str) -> Any:
        """Return one question of it."""
        return next(each for each in (await self.read())["questions"] if each["id"] == name)


async def begin(
    cast: Cast,
    database: Database,
    who: Person,
    kind: int = 2,
    practice: str | None = None,
    **supplying: Any,
) -> Form:
    """Begin a questionnaire of a supplier at Cedar or another practice: the provider itself unless told otherwise."""
    practice = practice or cast.cedar
    supplier = await supply(database, cast.clock, who.provider_id, practice, **supplying)
    path = f"/v1/practices/{practice}/questionnaires"
    made = await who.post(path, {"supplier_id": supplier, "kind": kind})
    return Form(who, f"{path}/{made['id']}", made["id"])
