"""An OpenID issuer on loopback, with real RS256 tokens."""

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "darkroom"
# A client that signs in without a user.
MACHINE = "shop-server"
KEY_ID = "1"


def encode(value: bytes | dict) -> str:
    """Encodes base64url without padding; values other than bytes as JSON first."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Serves its keys over TLS until the process ends."""

    def __init__(self, certificate: Path, key: Path):
        self.key = rsa.generate_private_key(65537, 2048)
        self.stranger = rsa.generate_private_key(65537, 2048)
        numbers = self.key.public_key().public_numbers()
        jwk = {"kty": "RSA", "kid": KEY_ID, "alg": "RS256", "use": "sig"}
        jwk |= {
            name: encode(n.to_bytes((n.bit_length() + 7) // 8, "big"))
            for name, n in (("n", numbers.n), ("e", numbers.e))
        }
        answers = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = answers.get(self.path)
                self.send_response(200 if answer else 404)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{server.server_port}"
        answers["/keys"] = {"keys": [jwk]}
        answers["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, studio: str, *, genuine: bool = True, **claims) -> str:
        """Returns a token for a studio. A token that is not genuine is signed by another key under this key's name. A
        claim that is None is left out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "tester",
            "iat": now - 5,
            "exp": now + 3600,
            "darkroom_studio": studio,
        } | claims
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = f"{encode({'alg': 'RS256', 'kid': KEY_ID, 'typ': 'JWT'})}.{encode(claims)}"
        key = self.key if genuine else self.stranger
        return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
