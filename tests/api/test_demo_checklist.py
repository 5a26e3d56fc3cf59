"""The demo's owner answers through the real use cases, once, and says who they are."""

from uuid import UUID

from tests.support.cast import Cast
from vigie.demo.checklist import answer_checklists


async def test_the_owner_of_the_demo_answers_once_for_every_practice(cast: Cast) -> None:
    ana, practices = await cast.ana(), [UUID(cast.cedar), UUID(cast.elm), UUID(await cast.pia.practice("Oak"))]
    for _ in range(2):
        await answer_checklists(cast.settings, UUID(cast.pia.provider_id), practices)
    for practice in practices:
        answers = (await ana.get(f"/v1/practices/{practice}/checklist/ANS-4.2/answers"))["items"]
        assert [(each["answer"], each["member_id"]) for each in answers] == [("yes", ana.member_id)]
        kinds = [event["kind"] for event in (await ana.get(f"/v1/practices/{practice}/changes"))["items"]]
        assert "attestation.expiring" in kinds
    actions = (await ana.get("/v1/actions"))["items"]
    assert [(each["practice_id"], each["control"]) for each in actions] == [(str(practices[2]), "ANS-1.6")]


async def test_a_demo_without_an_owner_is_left_without_answers(cast: Cast) -> None:
    await answer_checklists(cast.settings, UUID(cast.bela.provider_id), [UUID(cast.fir)])
    bea = await cast.bea()
    assert (await bea.get(f"/v1/practices/{cast.fir}/checklist/ANS-4.2/answers"))["items"] == []
