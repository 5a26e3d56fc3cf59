"""Members and invitations, as owners manage them."""

from tests.support.cast import Cast
from tests.support.refusals import refusal


async def test_the_list_shows_who_may_do_what(cast: Cast) -> None:
    ana = await cast.ana()
    tom, paz = await cast.tom(), await cast.paz()
    items = (await ana.get("/v1/members"))["items"]
    by_name = {row["name"]: row for row in items}
    assert by_name.keys() == {"Ana", "Tom", "Dr Paz"}
    assert by_name["Tom"]["practices"] == [cast.cedar]
    assert by_name["Ana"]["practices"] is None
    assert by_name["Dr Paz"]["practice_id"] == cast.cedar
    assert [row["id"] for row in (await ana.get("/v1/members?role=practitioner"))["items"]] == [paz.member_id]
    assert refusal(await tom.call("GET", "/v1/members")) == (403, "auth.insufficient_scope")


async def test_a_changed_role_is_effective_in_the_sessions_that_are_open(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    assert len((await tom.get("/v1/practices"))["items"]) == 1
    answer = await ana.call("PATCH", f"/v1/members/{tom.member_id}", json={"practices": None})
    assert answer.status_code == 200, answer.text
    for _ in range(40):
        if len((await tom.get("/v1/practices"))["items"]) == 2:
            return
    raise AssertionError


async def test_me(cast: Cast) -> None:
    tom = await cast.tom()
    me = await tom.get("/v1/me")
    assert me["practices"] == [cast.cedar]
    print(me)
    print(await tom.get("/v1/me/sessions"))
