"""Lists that people save for themselves."""

from typing import Any

from tests.support.cast import Cast
from tests.support.refusals import refusal

PATH = "/v1/me/views"


async def test_a_list_is_saved_renamed_nowhere_and_seen_by_nobody_else(cast: Cast) -> None:
    ana, lea = await cast.ana(), await cast.lea()

    async def names(who: Any) -> list[tuple[str, str]]:
        return [(view["name"], view["query"]) for view in (await who.get(PATH))["items"]]

    made = await ana.post(PATH, {"name": "Rouges", "query": "overall=critical"})
    await ana.post(PATH, {"name": "à moi <script>", "query": "responsible=me&q=lyon%20est"})
    assert await names(ana) == [("à moi <script>", "responsible=me&q=lyon%20est"), ("Rouges", "overall=critical")] or (
        await names(ana) == [("Rouges", "overall=critical"), ("à moi <script>", "responsible=me&q=lyon%20est")]
    )
    again = await ana.post(PATH, {"name": "Rouges", "query": "overall=unknown"})
    assert again["id"] == made["id"]
    assert ("Rouges", "overall=unknown") in await names(ana)
    assert await names(lea) == []
    assert refusal(await lea.call("DELETE", f"{PATH}/{made['id']}")) == (404, "not_found")
    assert (await ana.call("DELETE", f"{PATH}/{made['id']}")).status_code == 204
    assert refusal(await ana.call("DELETE", f"{PATH}/{made['id']}")) == (404, "not_found")
    for query in ("//evil.test", "javascript:alert(1)", "x y", "a#b", 'a"b', "x" * 501):
        answer = await ana.call("POST", PATH, json={"name": "Bad", "query": query})
        assert refusal(answer) == (422, "request.invalid"), query
    key = {"Idempotency-Key": "once"}
    first, second = [
        (await ana.call("POST", PATH, json={"name": "Once", "query": ""}, headers=key)).json() for _ in range(2)
    ]
    assert first == second


async def test_thirty_are_enough(cast: Cast) -> None:
    ana = await cast.ana()
    for number in range(30):
        await ana.post(PATH, {"name": f"List {number}", "query": ""})
    answer = await ana.call("POST", PATH, json={"name": "One more", "query": ""})
    assert refusal(answer) == (409, "saved_view.too_many")
    await ana.post(PATH, {"name": "List 7", "query": "overall=ok"})
