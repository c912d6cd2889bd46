# The image of the dump service with git and ssh, for fleets whose projects are repositories (`git:` in fleet.yaml):
#   docker build --file deploy/image/fleet.Dockerfile --tag REGISTRY/dump-refresh-fleet:v0.1.0 deploy/image
# If all projects are folders that the container can see, use the image of the dump service itself.
ARG HELPER=jobiqo/dump-refresh:v0.1.0
FROM $HELPER AS helper

FROM debian:trixie-slim
# ssh needs an account, and finds ~/.ssh through it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 65532 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin dump
COPY --from=helper /dump-helper /usr/bin/dump-helper
ENV HOME=/tmp
USER 65532:65532
ENTRYPOINT ["/usr/bin/dump-helper"]
