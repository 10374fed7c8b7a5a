# One image for every function, of the same files as scripts/image makes (docs/image.md):
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/taskflow:TAG --push .
# The build stage runs on the builder's own machine and only unpacks for the other one: no emulation.
# The digest of both FROMs is that of versions.yaml, an index of all platforms.

FROM --platform=$BUILDPLATFORM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS build
ARG TARGETARCH
WORKDIR /build
COPY scripts/__init__.py scripts/
COPY scripts/oci scripts/oci
RUN python -m scripts.oci.tree base /image/base --architecture "$TARGETARCH"
COPY requirements.lock .
RUN python -m scripts.oci.tree dependencies /image/dependencies --architecture "$TARGETARCH"
COPY functions functions
COPY shared shared
COPY scripts/database scripts/database
COPY scripts/backup scripts/migrate scripts/republish scripts/
RUN python -m scripts.oci.tree application /image/application --architecture "$TARGETARCH"

# The local platform for compose.yaml: knative/ and eventing/ played by scripts/run, without Kubernetes.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS platform
WORKDIR /app
COPY requirements-local.lock .
COPY scripts/__init__.py scripts/bootstrap.py scripts/
RUN python -c "from scripts.bootstrap import install; install()"
COPY . .
RUN .venv/bin/python -m compileall -q functions shared scripts \
    && mkdir /state && chown 10001:10001 /state
ENV HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    TASKFLOW_HOME=/state
USER 10001:10001
EXPOSE 8080 8082
STOPSIGNAL SIGTERM
CMD ["scripts/run", "--listen", "0.0.0.0"]

FROM scratch AS function
COPY --from=build /image/base/ /
COPY --from=build /image/dependencies/ /
COPY --from=build /image/application/ /
ARG REVISION=unknown
LABEL org.opencontainers.image.title="taskflow" \
      org.opencontainers.image.description="A multi-user task platform made of scale-to-zero CloudEvents functions on Knative and Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONPATH=/app:/opt/taskflow \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONUTF8=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 10001:10001
WORKDIR /app
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["python", "-m", "shared.runtime.serve"]
