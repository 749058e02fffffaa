"""Our tokens in the hands of other libraries: PyJWT (Debian's) and jose (npm's)."""

import jwt
import pytest

import nodejs
from harness import CUSTOMER, KEY_OCTETS, KEY_TEXT, PHONE

VERIFY = """
import { jwtVerify } from 'jose';
const { key, issuer, tokens } = JSON.parse(await new Response(process.stdin).text());
const results = [];
for (const token of tokens) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, Buffer.from(key, 'base64'), { algorithms: ['HS256'], issuer, typ: 'JWT' });
    results.push({ payload, protectedHeader });
  } catch (failure) {
    results.push({ failure: failure.code });
  }
}
console.log(JSON.stringify(results));
"""


@pytest.fixture(scope="module")
def jose():
    """Verifies tokens with jose under Node."""
    nodejs.need("jose")
    return lambda *tokens: nodejs.run(VERIFY, {"key": KEY_TEXT, "issuer": CUSTOMER, "tokens": tokens})


def forged(token):
    head, claims, signature = token.split(".")
    return ".".join([head, claims, ("A" if signature[0] != "A" else "B") + signature[1:]])


def test_pyjwt_accepts_our_tokens(server):
    token = server.get(f"/v1/token/{PHONE}/for-pyjwt").text
    claims = jwt.decode(token, KEY_OCTETS, algorithms=["HS256"], issuer=CUSTOMER, options={"require": ["iss", "iat", "exp", "phn", "xid"]})
    assert claims["phn"] == PHONE and claims["xid"] == "for-pyjwt"
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_pyjwt_refuses_a_changed_one(server):
    token = forged(server.get(f"/v1/token/{PHONE}").text)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, KEY_OCTETS, algorithms=["HS256"])


def test_the_key_is_the_decoded_one(server):
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(server.get(f"/v1/token/{PHONE}").text, KEY_TEXT, algorithms=["HS256"])


def test_pyjwt_makes_the_same_octets(server):
    token = server.get(f"/v1/token/{PHONE}/same-octets").text
    claims = jwt.decode(token, KEY_OCTETS, algorithms=["HS256"])
    assert jwt.encode(claims, KEY_OCTETS, algorithm="HS256", headers={"alg": "HS256", "typ": "JWT"}).split(".")[1] == token.split(".")[1]


def test_jose_accepts_our_tokens_and_refuses_a_changed_one(server, jose):
    token = server.get(f"/v1/token/{PHONE}/for-jose").text
    good, bad = jose(token, forged(token))
    assert good["payload"]["xid"] == "for-jose" and good["payload"]["phn"] == PHONE
    assert good["protectedHeader"] == {"alg": "HS256", "typ": "JWT"}
    assert bad == {"failure": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}
