# An image for runners: a fleet whose projects are repositories (`git:` in fleet.yaml), and CI systems that run shell lines in a container.
# Releases publish it as jobiqo/dump-refresh-fleet; `make fleet-image` builds it.
# It has dump-helper, git, ssh, a shell with the usual commands, and the dump clients for --engine=client. If all projects are folders that
# the container can see and nothing but dump-helper is started in it, the smaller image of the dump service will do.
ARG HELPER=jobiqo/dump-refresh:v0.1.0
FROM $HELPER AS helper

FROM debian:trixie-slim
# pg_dump must be as new as the newest server; that comes from a newer release, as in debian.sh.
RUN --mount=type=bind,source=fleet.sh,target=/fleet.sh bash /fleet.sh
COPY --from=helper /dump-helper /usr/bin/dump-helper
COPY --chmod=755 start-fleet.sh /usr/bin/start-fleet
ENV HOME=/tmp IN_DUMP_IMAGE=true
USER 65532:65532
ENTRYPOINT ["/usr/bin/start-fleet"]
