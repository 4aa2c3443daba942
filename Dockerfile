# The controller's image. Both base images are arguments: name them where you keep yours, with one and the same glibc.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUN_IMAGE=distroless/cc-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY . .
RUN cargo build --profile small --locked -p controller

FROM ${RUN_IMAGE}
COPY --from=build /source/target/small/controller /usr/local/bin/controller
USER 1001
EXPOSE 8080 8081
CMD ["controller"]
