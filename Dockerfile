# One Atoll node. Three of them as a cluster: docker-compose.yml.
#
#   docker build -t atoll .
#   docker run --rm -p 127.0.0.1:6379:6379 atoll
#
# Builder and runtime share a Debian release, so that the binary finds the C library it was linked
# against.
ARG DEBIAN=bookworm

FROM rust:1-slim-${DEBIAN} AS builder
# LuaJIT is compiled from source: its own makefile, and a C compiler for it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /atoll
COPY . .
# --locked: the versions that were tested, or no image.
RUN cargo build --release --locked -p node

FROM debian:${DEBIAN}-slim
# A script sandbox has no use for root, and neither has anything else here.
RUN useradd --system --uid 6379 --user-group --no-create-home atoll \
 && install -d -o atoll -g atoll /data
COPY --from=builder /atoll/target/release/atoll /usr/local/bin/atoll
COPY LICENSE /usr/share/doc/atoll/LICENSE
USER atoll
# Inside a container, 127.0.0.1 can be reached by nobody else. Who can reach the container is
# decided by the ports that are published.
ENV ATOLL_BIND=0.0.0.0 \
    ATOLL_DIR=/data
VOLUME /data
EXPOSE 6379
ENTRYPOINT ["atoll"]
