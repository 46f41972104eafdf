#!/bin/sh
# A certificate to try TLS with: nobody but you trusts it, for 30 days.
set -eu
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -subj /CN=example.com -addext subjectAltName=DNS:example.com,DNS:localhost \
    -keyout example.com.key -out example.com.pem
