# One image, several commands: docker-compose.yml says which part runs which. Nothing secret is in
# it: secrets are files that are mounted when a container starts.

FROM python:3.11.15-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv /opt/venv
# The lock names every package with its hash; it changes seldom, so this layer is kept.
COPY requirements/run.lock requirements/run.in requirements/
RUN /opt/venv/bin/python -m pip install --no-deps --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md deployments.yaml ./
COPY pipeline pipeline
COPY storage storage
COPY flows flows
COPY bot bot
RUN /opt/venv/bin/python -m pip install --no-deps --no-index --no-build-isolation -e . \
    && /opt/venv/bin/python -m compileall -q pipeline storage flows bot

FROM python:3.11.15-slim-bookworm
ARG GIT_COMMIT=""
ARG VERSION="0.1.0"
LABEL org.opencontainers.image.title="Setup Scout" \
      org.opencontainers.image.description="A Telegram-first assistant for people who trade intraday setups" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${GIT_COMMIT}"
# LightGBM needs OpenMP's library, which the slim image lacks. Its version is Debian's business.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 scout \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin scout \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/scout
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
# What is kept is in /var/lib/scout, what may be lost in /tmp; the rest may be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SCOUT_HOME=/var/lib/scout \
    HOME=/tmp \
    USER=scout \
    MPLCONFIGDIR=/tmp/matplotlib \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    GIT_COMMIT=${GIT_COMMIT}
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "flows.worker"]
