# A small image without a shell: the binary, the few libraries that it needs, and the certificates of public authorities.
#   docker build -t ssowatch .
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY docs docs
COPY scenarios scenarios
COPY helm helm
COPY alerts alerts
RUN cargo build --release --locked --bin ssowatch
# What the binary is linked to, at the paths where it looks for it.
RUN mkdir -p /image/usr/bin /image/etc/ssl/certs /image/tmp \
 && cp target/release/ssowatch /image/usr/bin/ \
 && ldd target/release/ssowatch | grep -oE '/[^ ]+' | xargs -I{} cp --parents -L {} /image \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && echo 'ssowatch:x:65532:65532::/var/lib/ssowatch:/sbin/nologin' > /image/etc/passwd \
 && chmod 1777 /image/tmp && mkdir -p /data/ssowatch

FROM scratch
COPY --from=build /image /
# A new volume there is owned by whom the folder in the image is; some builders give copies to root unless they are told.
COPY --from=build --chown=65532:65532 /data /var/lib
USER 65532:65532
# Of memory that is free again less is kept by each thread: a tenth of the peak, at no CPU that could be measured.
ENV MALLOC_ARENA_MAX=2
WORKDIR /var/lib/ssowatch
VOLUME /var/lib/ssowatch
EXPOSE 9470 9471
ENTRYPOINT ["/usr/bin/ssowatch"]
CMD ["run", "--data-dir", "/var/lib/ssowatch"]
