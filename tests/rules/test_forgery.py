"""What the outside attacker forges is never the genuine thing again: that would be told as a leak."""

import pytest

from vigie.isolation.forgery import spliced

SHARED = "AaIB_r7k"  # the instant in two ids that were made together, with an underscore of base64url in it
OWN = f"vss_{SHARED}aaaaaaaaaaaaaa_{'own_secret' * 4}abc"
OTHER = f"vss_{SHARED}bbbbbbbbbbbbbb_{'other_secr' * 4}xyz"


@pytest.mark.parametrize("kind", ["vss", "vet"])
def test_a_spliced_secret_has_the_other_s_provider_and_one_s_own_random_part(kind: str) -> None:
    own, other = OWN.replace("vss", kind), OTHER.replace("vss", kind)
    assert spliced(own, other) == f"{kind}_{SHARED}bbbbbbbbbbbbbb_{'own_secret' * 4}abc"
    assert spliced(own, other) not in {own, other}
