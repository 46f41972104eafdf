# docker build -t gw .
# docker run --rm -p 8080:8080 -v "$PWD":/app gw            serves /app/gw.yaml
# docker run --rm -p 8083:8083 gw start /usr/share/gw/examples/chat/gw.yaml

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN make build VERSION="$VERSION"

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends php-cli php-msgpack python3 python3-msgpack \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home --shell /usr/sbin/nologin gw \
 && install -d -o gw -g gw /run/gw /app
COPY --from=build /src/gw /usr/local/bin/gw
COPY examples /usr/share/gw/examples
ENV GW_STATE_DIR=/run/gw \
    CHAT_HISTORY=/run/gw/chat.jsonl
USER gw
WORKDIR /app
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["gw", "status"]
ENTRYPOINT ["gw"]
CMD ["start"]
