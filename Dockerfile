# rowshift for amd64 and arm64: docker build -t rowshift . && docker run --rm rowshift demo
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --no-audit --no-fund \
 && npm pack --pack-destination /tmp \
 && npm install --global --prefix /opt/rowshift --no-audit --no-fund /tmp/rowshift-*.tgz pg@8

FROM node:24-bookworm-slim
COPY --from=build /opt/rowshift /usr/local
RUN mkdir -p /etc/rowshift /data \
 && chown node:node /data
# The user "node", by the number that a cluster can tell from root.
USER 1000:1000
# Configuration is read with -c /etc/rowshift; files of rejected rows, reports and SQLite databases are made in /data.
WORKDIR /data
VOLUME ["/data"]
HEALTHCHECK --interval=60s --timeout=10s CMD ["rowshift", "--version"]
ENTRYPOINT ["rowshift"]
CMD ["--help"]
