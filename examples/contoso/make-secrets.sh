#!/usr/bin/env bash
# Writes Contoso's Secrets to stdout as YAML, with values made up at this moment.
# Usage: make-secrets.sh [NAME...]    no name: all seven
# Values stay in this process and in pipes: none is in a file or on a command line.
set -euo pipefail

names=(backendsecret external-service-token externalservicekeyfile contosoab-se-tls
    database-connection file-share registry-login)

if [ -t 1 ]; then
    echo "error: these are plain Secrets: pipe them into kubeseal" >&2
    exit 1
fi

base64_of() { printf '%s' "$1" | openssl base64 -A; }
password() { openssl rand -hex 24; }
rsa_key() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048; }

head_of() { # NAME TYPE
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: contoso\n' "$1"
    if [ "$1" = registry-login ]; then # sealed for the namespace, so it can be renamed inside it
        printf '  annotations:\n    sealedsecrets.bitnami.com/namespace-wide: "true"\n'
    fi
    printf 'type: %s\ndata:\n' "$2"
}

item() { printf '  %s: %s\n' "$1" "$2"; } # KEY BASE64

key_file() { # bytes of every kind, NUL and newline among them
    openssl rand 512
    printf '\0\n\0\n'
    openssl rand 512
}

sign() { # EXTENSIONS ARGUMENT...: a request on stdin becomes a certificate
    local extensions=$1
    shift
    openssl x509 -req -days 90 -set_serial "0x0$(openssl rand -hex 15)" -extfile <(printf '%b' "$extensions") "$@" \
        2> >(grep -v -e 'self-signature ok' -e '^subject=' >&2)
}

request() { openssl req -new -subj "$1" -key <(printf '%s' "$2"); } # SUBJECT KEY

tls_pair() { # a certificate for contosoab.se, and the intermediate one that signed it
    local root_key intermediate_key key root intermediate leaf
    local authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
    local server='subjectAltName=DNS:contosoab.se\nextendedKeyUsage=serverAuth\n'
    root_key=$(rsa_key)
    intermediate_key=$(rsa_key)
    key=$(rsa_key)
    root=$(request '/CN=Contoso root' "$root_key" |
        sign "$authority" -signkey <(printf '%s' "$root_key"))
    intermediate=$(request '/CN=Contoso intermediate' "$intermediate_key" |
        sign "$authority" -CA <(printf '%s' "$root") -CAkey <(printf '%s' "$root_key"))
    leaf=$(request /CN=contosoab.se "$key" |
        sign "$server" -CA <(printf '%s' "$intermediate") -CAkey <(printf '%s' "$intermediate_key"))
    item tls.crt "$(base64_of "$leaf"$'\n'"$intermediate"$'\n')"
    item tls.key "$(base64_of "$key"$'\n')"
}

secret() { # NAME
    local login
    case $1 in
    backendsecret)
        head_of "$1" Opaque
        item username "$(base64_of "backend-$(openssl rand -hex 4)")"
        item password "$(base64_of "$(password)")"
        ;;
    external-service-token)
        head_of "$1" Opaque
        item token-value "$(base64_of "$(password)")"
        ;;
    externalservicekeyfile)
        head_of "$1" Opaque
        item externalservicekeyfile "$(key_file | openssl base64 -A)"
        ;;
    contosoab-se-tls)
        head_of "$1" kubernetes.io/tls
        tls_pair
        ;;
    database-connection)
        head_of "$1" Opaque
        item connection-string "$(base64_of "Server=tcp:database.contoso.example,1433;Database=contoso;User ID=contoso;Password='$(password)';Encrypt=True")"
        ;;
    file-share)
        head_of "$1" Opaque
        item azurestorageaccountname "$(base64_of "contoso$(openssl rand -hex 4)")"
        item azurestorageaccountkey "$(base64_of "$(openssl rand -base64 64 | tr -d '\n')")"
        ;;
    registry-login)
        head_of "$1" kubernetes.io/dockerconfigjson
        login="puller:$(password)"
        item .dockerconfigjson "$(base64_of "{\"auths\":{\"registry.contoso.example\":{\"auth\":\"$(base64_of "$login")\"}}}")"
        ;;
    *)
        echo "error: there is no Secret called \`$1\`; there are: ${names[*]}" >&2
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || set -- "${names[@]}"
for name; do
    document=$(
        set -e
        secret "$name"
    ) # whole or not at all
    printf '%s\n' "$document"
done
