#!/bin/sh
# Makes the keys and secrets of the containers, once; what is there stays.
set -eu
umask 077
folder=$1
[ -f "$folder/jwt.pem" ] || ops keys generate --out "$folder" --execute
for name in fingerprint.key email.key vault.key payments.key payments-webhook.secret; do
    [ -f "$folder/$name" ] || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$folder/$name"
done
if [ -n "${BOOTSTRAP_ADMIN_PASSWORD:-}" ]; then
    printf %s "$BOOTSTRAP_ADMIN_PASSWORD" >"$folder/admin.password"
elif [ ! -f "$folder/admin.password" ]; then
    head -c 12 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$folder/admin.password"
fi
