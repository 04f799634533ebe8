# SPDX-License-Identifier: MIT
"""Certificates for tests, made by openssl: an authority, and what it signs, good or with one thing wrong."""
import os
import subprocess


def run(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    def __init__(self, directory, name="authority"):
        self.dir, self.name = directory, name
        self.file, self.key = os.path.join(directory, f"{name}.pem"), os.path.join(directory, f"{name}.key")
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key,
            "-out", self.file, "-days", "3650", "-subj", f"/CN=forewarm test {name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def sign(self, name, alt="IP:127.0.0.1,DNS:localhost", days="30"):
        """(certificate, key); days "-1": expired a day ago."""
        certificate, key = os.path.join(self.dir, f"{name}.pem"), os.path.join(self.dir, f"{name}.key")
        request, more = os.path.join(self.dir, f"{name}.csr"), os.path.join(self.dir, f"{name}.ext")
        with open(more, "w") as f:
            f.write(f"subjectAltName={alt}\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
            "-subj", f"/CN={name}")
        run("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-out", certificate,
            "-days", days, "-extfile", more)
        return certificate, key
