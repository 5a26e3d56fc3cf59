"""Which test would notice that a check of the sign-in is gone: `tools/mutate_sign_in.py` removes each and looks.

`<file below services/api/vigie>:<function>` → the node id of one test. `tests/rules/test_oidc_guards.py` keeps the list whole.
"""

from typing import Final

_CERTIFICATION: Final = "tests/api/oidc/test_certification_list.py"
_GAPS: Final = "tests/api/oidc/test_library_gaps.py"
_PRACTICE: Final = "tests/api/oidc/test_practice_failures.py"
_METADATA: Final = "tests/api/oidc/test_metadata.py"
_LOGOUT: Final = "tests/api/oidc/test_logout.py"
_OUTBOUND: Final = "tests/api/oidc/test_outbound.py"
_PROFILES: Final = "tests/rules/test_oidc_profiles.py::test_what_cannot_be_is_refused_with_a_clear_word"
_OUT: Final = f"{_OUTBOUND}::test_an_address_out_of_reach_is_refused_before_anything_is_sent"
_GAP: Final = f"{_GAPS}::test_what_the_library_leaves_open_is_closed"
_REFUSES: Final = f"{_CERTIFICATION}::test_a_relying_party_refuses"
_BACK_CHANNEL: Final = f"{_LOGOUT}::test_back_channel_logout"

GUARDS: Final[dict[str, str]] = {
    "auth/oidc/authorization.py:check_return_to": (
        "tests/api/oidc/test_authorization.py::test_a_sign_in_leads_nowhere_else[//elsewhere.test]"
    ),
    "auth/oidc/callback.py:check_parameter": (
        f"{_GAPS}::test_an_answer_that_could_be_read_two_ways_is_refused[two states]"
    ),
    "auth/oidc/callback.py:check_state": f"{_GAPS}::test_the_cookie_of_one_attempt_under_the_name_of_another_is_refused",
    "auth/oidc/callback.py:check_same_provider": (
        f"{_GAPS}::test_an_answer_at_the_address_of_another_provider_is_refused"
    ),
    "auth/oidc/callback.py:check_attempt_age": (
        f"{_PRACTICE}::test_the_attempt_survives_the_switch_to_the_e_cps_app_for_ten_minutes"
    ),
    "auth/oidc/callback.py:check_first_use": f"{_GAPS}::test_a_callback_is_answered_once",
    "auth/oidc/callback.py:check_response_issuer": f"{_GAP}[1 iss of the answer is another]",
    "auth/oidc/callback.py:check_no_error": (
        f"{_PRACTICE}::test_a_failure_of_the_network_is_no_refusal_and_the_other_way_round[answer access_denied]"
    ),
    "auth/oidc/signed.py:check_type": f"{_REFUSES}[ID token that is a logout token]",
    "auth/oidc/signed.py:check_algorithm": f"{_REFUSES}[alg none]",
    "auth/oidc/signed.py:check_one_key": f"{_REFUSES}[kid of two keys]",
    "auth/oidc/signed.py:_fits": f"{_REFUSES}[key for another algorithm]",
    "auth/oidc/signed.py:check_signature": f"{_REFUSES}[bad RS256 signature]",
    "auth/oidc/signed.py:check_issuer": f"{_REFUSES}[issuer mismatch]",
    "auth/oidc/signed.py:check_audience": f"{_GAP}[2 aud another with our azp]",
    "auth/oidc/signed.py:check_party": f"{_REFUSES}[wrong azp]",
    "auth/oidc/signed.py:check_expiry": f"{_REFUSES}[expired]",
    "auth/oidc/signed.py:check_not_from_the_future": f"{_REFUSES}[iat in the future]",
    "auth/oidc/id_token.py:check_not_older_than_attempt": f"{_GAP}[2 iat of thirty days ago]",
    "auth/oidc/id_token.py:check_nonce": f"{_REFUSES}[invalid nonce]",
    "auth/oidc/id_token.py:check_access_hash": f"{_REFUSES}[invalid at_hash]",
    "auth/oidc/id_token.py:check_subject": f"{_REFUSES}[sub of 256 characters]",
    "auth/oidc/id_token.py:check_directory": (
        f"{_PRACTICE}::test_the_directory_is_read_from_the_signed_token_and_not_from_the_user_info"
    ),
    "auth/oidc/id_token.py:check_assurance": f"{_GAP}[2 acr eidas0]",
    "auth/oidc/id_token.py:_is_one_of": f"{_GAP}[2 acr is missing]",
    "auth/oidc/id_token.py:check_freshness": (
        f"{_PRACTICE}::test_a_fresh_identification_is_asked_for_and_checked[reauthenticated 91 s before]"
    ),
    "auth/oidc/userinfo.py:check_same_subject": f"{_REFUSES}[userinfo bad sub]",
    "auth/oidc/userinfo.py:check_addressee": (
        f"{_CERTIFICATION}::test_signed_user_info_is_verified_before_it_is_read[wrong aud]"
    ),
    "auth/oidc/metadata.py:check_published_issuer": f"{_REFUSES}[issuer not matching config]",
    "auth/oidc/metadata.py:check_endpoint": (
        f"{_METADATA}::test_an_endpoint_lies_on_a_configured_host[authorization_endpoint]"
    ),
    "auth/oidc/metadata.py:check_endpoint_form": f"{_METADATA}::test_an_endpoint_lies_on_a_configured_host[jwks_uri]",
    "auth/oidc/metadata.py:check_endpoint_host": (
        f"{_METADATA}::test_an_endpoint_lies_on_a_configured_host[token_endpoint]"
    ),
    "auth/oidc/metadata.py:check_endpoint_scheme": (
        f"{_METADATA}::test_an_endpoint_lies_on_a_configured_host[end_session_endpoint]"
    ),
    "auth/oidc/metadata.py:_is_for_signatures": f"{_REFUSES}[key for encryption]",
    "auth/oidc/metadata.py:_lately": f"{_METADATA}::test_a_key_that_was_withdrawn_is_taken_for_an_hour_at_most",
    "auth/oidc/logout.py:check_logout_return": (
        f"{_LOGOUT}::test_a_logout_comes_back_with_its_state_or_none[another state]"
    ),
    "auth/oidc/logout.py:check_logout_age": f"{_BACK_CHANNEL}[kept back for ten minutes]",
    "auth/oidc/logout.py:check_event": f"{_BACK_CHANNEL}[wrong event]",
    "auth/oidc/logout.py:check_no_nonce": f"{_BACK_CHANNEL}[with nonce]",
    "auth/oidc/logout.py:check_target": f"{_BACK_CHANNEL}[neither sub nor sid]",
    "auth/oidc/logout.py:check_first_notice": f"{_LOGOUT}::test_a_logout_token_is_taken_once",
    "auth/oidc/profiles.py:_refuse_further": _PROFILES + "[tenant {'reach': <Reach.PRIVATE: 'private'>}]",
    "auth/oidc/profiles.py:_refuse_names": _PROFILES + "[psc {'id': '../psc'}]",
    "auth/oidc/profiles.py:_refuse_issuer": _PROFILES + "[staff {'issuer': 'http://login.staff.test'}]",
    "auth/oidc/profiles.py:_refuse_credentials": _PROFILES + "[psc {'token_auth': 'tls_client_auth'}]",
    "auth/oidc/profiles.py:_refuse_requests": _PROFILES + "[staff {'algorithms': ('none',)}]",
    "auth/oidc/profiles.py:_refuse_limits": _PROFILES + "[psc {'leeway_s': 121}]",
    "core/outbound.py:is_allowed": "tests/rules/test_oidc_addresses.py::test_an_address_is_within_reach_or_not[169.254.169.254]",
    "core/outbound.py:_check_scheme": f"{_OUT}[ftp]",
    "core/outbound.py:_check_form": f"{_OUT}[credentials]",
    "core/outbound.py:_check_addresses": f"{_OUT}[loopback]",
    "core/outbound.py:_check_plain": f"{_OUT}[plain, one elsewhere]",
    "core/outbound.py:_check_encoding": f"{_OUTBOUND}::test_an_answer_out_of_bounds_fails[compressed]",
    "core/outbound.py:_check_size": f"{_OUTBOUND}::test_an_answer_out_of_bounds_fails[too large]",
}
