"""Certificate authorities of a test's own, and what they sign."""

import pathlib
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def make_authority(folder, name):
    """A certificate authority of one's own; the path of its certificate."""
    certificate = pathlib.Path(folder) / f"{name}.crt"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", 30, "-subj", f"/CN=jwtd test {name}",
            "-keyout", certificate.with_suffix(".key"), "-out", certificate)
    return certificate


def make_certificate(folder, authority, name):
    """A certificate for localhost, and for no address, signed by the authority."""
    certificate, request, extensions = (pathlib.Path(folder) / f"{name}.{ending}" for ending in ("crt", "csr", "ext"))
    extensions.write_text("subjectAltName=DNS:localhost\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=localhost",
            "-keyout", certificate.with_suffix(".key"), "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", certificate.with_name(f"{authority}.crt"), "-CAkey", certificate.with_name(f"{authority}.key"),
            "-CAcreateserial", "-days", 30, "-extfile", extensions, "-out", certificate)
