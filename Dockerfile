# The image that a Job's container runs: `make image`, or `docker build .` where BuildKit is.
#
#   wheel    the project as a wheel                      gone in the end, build tools and all
#   runtime  base + tini + torch + dependencies + project, in the order in which they change:
#            a change of the code alone makes a layer of under a megabyte
#
# Build secrets, both optional, leave nothing behind: `ca` (a bundle of certificates) and `pip` (a pip.conf).
# Wheels in docker/wheels are taken before any index's: torch's CPU build, for a small image.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS wheel
COPY pyproject.toml README.md LICENSE /source/
COPY cmd /source/cmd
COPY k8s /source/k8s
COPY pipeline /source/pipeline
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    python3 -m venv /build && /build/bin/pip wheel --no-deps --wheel-dir /wheels /source

FROM ${PYTHON_IMAGE} AS runtime
# The base decides the release, and so its tini.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*

ARG TORCH=torch==2.13.0
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=bind,source=docker/wheels,target=/wheels \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    python3 -m venv /opt/venv && /opt/venv/bin/pip install --find-links /wheels "${TORCH}"

# Copied, not mounted: buildah's cache does not see that a mounted file has changed.
COPY requirements/pipeline.txt /opt/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    /opt/venv/bin/pip install --no-deps --require-hashes -r /opt/pipeline.txt

COPY --from=wheel /wheels /opt/wheels
RUN /opt/venv/bin/pip install --no-deps --no-index --no-cache-dir /opt/wheels/*.whl

# The root is read-only in a Pod; all that anything may write goes under /tmp, for any user: USER names one
# for libraries that ask, since an arbitrary UID has none.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    USER=htctl \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    XDG_CONFIG_HOME=/tmp/config \
    HF_HOME=/tmp/huggingface \
    MPLCONFIGDIR=/tmp/matplotlib \
    TORCH_HOME=/tmp/torch \
    TORCH_EXTENSIONS_DIR=/tmp/torch-extensions \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torch-inductor \
    TRITON_CACHE_DIR=/tmp/triton \
    WANDB_DIR=/tmp \
    WANDB_CACHE_DIR=/tmp/wandb-cache \
    WANDB_CONFIG_DIR=/tmp/wandb-config \
    WANDB_DATA_DIR=/tmp/wandb-data
WORKDIR /tmp
USER 10001:10001
# What is healthy, a Job's watcher reads in the store; Kubernetes does not read this.
HEALTHCHECK NONE
# -g: SIGTERM goes to the whole group, so to every process of a training.
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["python", "-P", "-m", "pipeline"]
LABEL org.opencontainers.image.title=htctl \
      org.opencontainers.image.licenses=MIT
