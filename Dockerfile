# The image that a Job's container runs: `make image`, or `docker build .` where BuildKit is.
#
#   build    the project as it will lie in the image, and what builds it       gone in the end
#   runtime  base + tini + torch + dependencies + fonts + list of all that + base models + project, in the order
#            in which they change: a change of the code alone pushes under a megabyte
#
# Build arguments:
#   PYTHON_IMAGE  the base, in a release by its digest
#   DEVICE        cuda, or cpu for torch's small build: from docker/wheels, or from an index that pip is told of
#   FONTS         Debian's packages of fonts for the preview pictures, such as "fonts-noto-core fonts-noto-cjk"
#   BASE_MODELS   a folder under docker/models whose folders become /opt/models/NAME; by itself all that is there
# Build secrets, both optional, leave nothing behind: `ca` (a bundle of certificates) and `pip` (a pip.conf).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
COPY requirements/image.txt requirements/pipeline.txt /requirements/
# DeepSpeed comes as source alone: its wheel is made here, of what the hash says, by what the hashes say.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    python3 -m venv /build \
    && /build/bin/pip install --no-deps --require-hashes -r /requirements/image.txt \
    && awk '/^[a-z]/ { keep = /^deepspeed==/ } keep' /requirements/pipeline.txt > /requirements/sources.txt \
    && awk '/^[a-z]/ { keep = !/^deepspeed==/ } keep' /requirements/pipeline.txt > /requirements/wheels.txt \
    && /build/bin/pip wheel --no-deps --require-hashes --no-build-isolation --wheel-dir /wheels \
        -r /requirements/sources.txt
COPY pyproject.toml README.md LICENSE /source/
COPY cmd /source/cmd
COPY k8s /source/k8s
COPY pipeline /source/pipeline
# Compiled with no time in it, and none on the files; without the columns for tracebacks, a fifth of what a change pushes.
RUN python3 -m venv --without-pip /opt/venv \
    && /build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /project /source \
    && /build/bin/pip --python /opt/venv/bin/python install --no-deps --no-index --no-compile /project/*.whl \
    && PYTHONNODEBUGRANGES=1 /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib \
    && mkdir /opt/rooms \
    && for room in htctl k8s pipeline; do mv "/opt/venv/lib/python3.11/site-packages/$room" /opt/rooms/; done \
    && find /opt -exec touch --no-dereference --date=2020-02-02 {} +

FROM ${PYTHON_IMAGE} AS runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends "tini=0.19.0-1*" \
    && rm -rf /var/lib/apt/lists/* /var/log/*

# Left out: torch's own tests, headers and the programs that build against it. Not compiled: what is for a later Python.
WORKDIR /opt/venv/lib/python3.11/site-packages
ARG DEVICE=cuda
COPY requirements/torch-${DEVICE}.txt /opt/requirements/torch.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=bind,source=docker/wheels,target=/wheels \
    --mount=type=bind,from=build,source=/build,target=/build \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    python3 -m venv --without-pip /opt/venv \
    && /build/bin/pip --python /opt/venv/bin/python install --no-deps --no-compile --require-hashes \
        --find-links /wheels -r /opt/requirements/torch.txt \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && rm -rf torch/test torch/include torch/share \
    && find . \( -name '*.a' -o -name '*.h' -o -name '*.hpp' -o -name '*.cuh' \) -delete \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -x 'py312' .

# Copied, not mounted: buildah's cache does not see that a mounted file has changed.
# Left out: tests; kubernetes.aio, its client once more; boto3's descriptions of what is not S3 or its log-in; a second
# backend of zstandard. Left uncompiled: models of transformers that no bot is made of, which still load.
COPY requirements/pipeline.txt /opt/requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=bind,from=build,source=/build,target=/build \
    --mount=type=bind,from=build,source=/requirements,target=/requirements \
    --mount=type=bind,from=build,source=/wheels,target=/wheels \
    test ! -s /run/secrets/ca || export PIP_CERT=/run/secrets/ca; \
    /build/bin/pip --python /opt/venv/bin/python install --no-deps --no-compile --require-hashes \
        -r /requirements/wheels.txt \
    && /build/bin/pip --python /opt/venv/bin/python install --no-deps --no-compile --no-index /wheels/*.whl \
    && find sympy numpy networkx matplotlib mpmath mpl_toolkits fontTools -depth -type d -name tests \
        -exec rm -rf {} + \
    && find botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} + \
    && rm -rf kubernetes/aio zstandard/_cffi.*.so \
    && find . -path ./torch -prune -o \( -name '*.a' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyx' \) \
        -exec rm -f {} + \
    && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        -x '^\./torch/|/transformers/models/(?!(auto|gpt2)/)' .

ARG FONTS=""
# The base decides the release, and so its fonts; and a list has to be one word each.
# hadolint ignore=DL3008,SC2086
RUN test -z "${FONTS}" || { \
        apt-get update \
        && apt-get install --yes --no-install-recommends ${FONTS} \
        && rm -rf /var/lib/apt/lists/* /var/log/*; }

# Of all so far, Debian's packages too; docker/build copies it beside the image.
RUN --mount=type=bind,from=build,source=/build,target=/build \
    SYFT_CHECK_FOR_APP_UPDATE=false /build/bin/syft scan --quiet dir:/ --source-name htctl \
        --exclude ./build --exclude ./proc --exclude ./sys --exclude ./tmp --exclude ./root \
        --output cyclonedx-json=/opt/sbom.cdx.json

ARG BASE_MODELS=docker/models
COPY ${BASE_MODELS}/ /opt/models/
COPY --from=build /opt/rooms/k8s k8s
COPY --from=build /opt/rooms/htctl htctl
COPY --from=build /opt/rooms/pipeline pipeline
COPY --from=build /opt/venv /opt/venv

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
      org.opencontainers.image.description="Bots from posts, trained in batches on Kubernetes." \
      org.opencontainers.image.licenses=MIT
