# The worker, which runs cases and talks to the outside; and every other diploma command.
FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/diploma
COPY requirements.lock ./
RUN /opt/diploma/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY workflows workflows
COPY activities activities
COPY adapters adapters
COPY workers workers
COPY starters starters
COPY simulators simulators
COPY profiles profiles
COPY templates templates
COPY examples examples
# The lock has the build backend too, so that nothing unchecked is fetched to build with.
RUN /opt/diploma/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim

RUN useradd --system --uid 10001 --create-home --shell /usr/sbin/nologin diploma
COPY --from=build /opt/diploma /opt/diploma
ENV PATH=/opt/diploma/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DIPLOMA_HEARTBEAT_FILE=/home/diploma/worker-alive
WORKDIR /home/diploma
USER diploma

HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=4 \
    CMD ["diploma", "worker", "--healthcheck"]
# The exec form: the worker itself gets SIGTERM and drains.
ENTRYPOINT ["diploma"]
CMD ["worker"]
