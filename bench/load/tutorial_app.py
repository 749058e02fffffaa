# tutorial_app.py - the tutorial's service (Flask, Flask-Limiter, PyJWT) written afresh: the peer that jwtd replaces.
#
# With BENCH_MONGODB_URL it inserts each token by PyMongo as the tutorial does, but confirmed by a majority that has it in its journal, which is
# what jwtd promises; without, it keeps nothing.
#
# The limiter works on every request as in the tutorial; only its limit lies far above the load, so that nothing is refused.
import base64
import os
import time
import uuid

import jwt
from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

CUSTOMER_ID = os.environ["BENCH_CUSTOMER_ID"]
with open(os.environ["BENCH_API_KEY_FILE"], encoding="ascii") as file:
    API_KEY = base64.b64decode(file.read().strip(), validate=True)
BACKDATE_SECONDS = 10
LIFETIME_SECONDS = 90

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["1000000 per second"], storage_uri="memory://")

tokens = None
if os.environ.get("BENCH_MONGODB_URL"):
    import pymongo

    durable = pymongo.WriteConcern("majority", j=True)
    tokens = pymongo.MongoClient(os.environ["BENCH_MONGODB_URL"], connect=False).get_database("jwt_db", write_concern=durable)["tokens"]


@app.route("/v1/token/<phone_number>", methods=["GET"])
@app.route("/v1/token/<phone_number>/<xid>", methods=["GET"])
def token(phone_number, xid=None):
    xid = xid or str(uuid.uuid4())
    issued_at = int(time.time()) - BACKDATE_SECONDS
    claims = {
        "iss": CUSTOMER_ID,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
        "phn": phone_number,
        "xid": xid,
    }
    signed = jwt.encode(claims, API_KEY, algorithm="HS256")
    if tokens is not None:
        tokens.insert_one({"xid": xid, "phone_number": phone_number, "token": signed})
    answer = Response(signed, status=200, mimetype="text/plain")
    answer.headers["Allow"] = "GET"
    answer.headers["X-Transaction-Id"] = xid
    return answer
