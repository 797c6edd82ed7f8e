#!/bin/sh
# nginx is one of the real servers that the upstream client is tested against, and the limit in the benchmarks.
# Root gets it installed; everybody else is told how. Without it those tests skip with a message.
set -eu
if command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing nginx (the tests start their own, the system's service is not started)"
    # RUNLEVEL=1 keeps the package from starting a web server on port 80.
    (apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx) \
        >/dev/null 2>&1 || echo "nginx could not be installed: the tests that need it will skip"
else
    echo "nginx is absent: the tests that need it will skip. To run them:  apt install nginx"
fi
