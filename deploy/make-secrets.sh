#!/bin/sh
# Makes the secret files that docker-compose.yml mounts; what is there already stays as it is.
# Usage: deploy/make-secrets.sh [FOLDER]     FOLDER: secrets, unless SECRETS_DIR names another
#
# The folder is for its owner alone (0700). The files in it can be read by all (0644), because
# containers run as other users and see the files, not the folder.
set -eu

folder="${1:-${SECRETS_DIR:-secrets}}"
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

held() { cat "$folder/$1"; }

keep() { # NAME: writes standard input there, unless it is there already
    if [ -e "$folder/$1" ]; then cat >/dev/null; return; fi
    cat >"$folder/.new"
    chmod 644 "$folder/.new"
    mv "$folder/.new" "$folder/$1"
    echo "made $folder/$1"
}

from_env_file() { # NAME: what .env says for it, without quotes; nothing if it says nothing
    if [ -f .env ]; then sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "\"'\r\n"; fi
}

for name in postgres_password scout_owner_password scout_password prefect_password \
    valkey_password grafana_password; do
    random | keep "$name"
done

printf 'postgresql+asyncpg://scout_owner:%s@postgres:5432/scout' "$(held scout_owner_password)" | keep database_owner_url
printf 'postgresql+asyncpg://scout:%s@postgres:5432/scout' "$(held scout_password)" | keep database_url
printf 'postgresql+asyncpg://prefect:%s@postgres:5432/prefect' "$(held prefect_password)" | keep prefect_database_url
printf 'redis://scout:%s@valkey:6379/0' "$(held valkey_password)" | keep redis_url
printf 'scout:%s' "$(random)" | keep prefect_auth
# Anybody inside may ask whether it lives; all else needs the password. Nobody may switch it off.
{
    echo "user default on nopass resetkeys resetchannels -@all +ping"
    printf 'user scout on #%s ~* &* +@all -@admin -@dangerous +info\n' \
        "$(printf %s "$(held valkey_password)" | sha256sum | cut -d ' ' -f 1)"
} | keep valkey_acl
for name in TELEGRAM_BOT_TOKEN WEBHOOK_SECRET MT5_BRIDGE_TOKEN S3_ACCESS_KEY S3_SECRET_KEY \
    ALPACA_KEY ALPACA_SECRET MASSIVE_API_KEY OPENAI_API_KEY NOTION_TOKEN; do
    from_env_file "$name" | keep "$(echo "$name" | tr 'A-Z' 'a-z')"
done

if [ ! -s "$folder/telegram_bot_token" ]; then
    echo "put your bot's token from @BotFather into $folder/telegram_bot_token"
fi
