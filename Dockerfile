# The server and the command mlsdm, without tools; docs/operations.md says how to run it.
FROM python:3.13-slim-bookworm AS build

WORKDIR /src
COPY LICENSE README.md constraints.txt pyproject.toml ./
COPY mlsdm_grpc ./mlsdm_grpc
RUN python3 -m venv /opt/mlsdm \
    && /opt/mlsdm/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
        --constraint constraints.txt '.[anthropic,fast,openai]' \
    && /opt/mlsdm/bin/pip uninstall --quiet --yes pip \
    && /opt/mlsdm/bin/python -m compileall -q /opt/mlsdm/lib

FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="mlsdm-grpc" \
    org.opencontainers.image.description="A governed cognitive memory for LLM applications, over gRPC" \
    org.opencontainers.image.licenses="MIT"

COPY --from=build /opt/mlsdm /opt/mlsdm
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/mlsdm

# The file of tokens holds their hashes only.
# hadolint ignore=DL3064
ENV PATH=/opt/mlsdm/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    MLSDM_SERVER__LISTEN=0.0.0.0:50051 \
    MLSDM_SERVER__OPS=0.0.0.0:9464 \
    MLSDM_JOURNAL__DATA_DIR=/var/lib/mlsdm \
    MLSDM_SECURITY__MODE=token \
    MLSDM_SECURITY__TOKENS_FILE=/etc/mlsdm/tokens.toml

# Numbers, so that a scheduler sees that it is not root.
USER 10001:10001
VOLUME /var/lib/mlsdm
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["mlsdm", "health", "--service", "readiness"]
ENTRYPOINT ["mlsdm"]
CMD ["serve"]
