# The node as a container: built with everything, shipped with what runs. Data lives in the volume /data.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# What ships, without tests: they are not in the context (.dockerignore).
RUN npx tsc -b server client && npx vite build --logLevel warn && node .ci/docs-page.mjs \
    && npm prune --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Syncline" \
      org.opencontainers.image.description="Real-time collaborative document server for Yjs" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=1234 DATA_DIR=/data
# glibc gives large buffers back at once instead of keeping them: see docs/OPERATIONS.md, Capacity.
ENV MALLOC_MMAP_THRESHOLD_=131072
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/persistence ./dist/persistence
COPY --from=build /app/dist/client ./dist/client
COPY --from=build /app/dist/server ./dist/server
RUN mkdir /data && chown node:node /data
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 1234
# Without keys a node binds to loopback only; on 0.0.0.0 it starts when told AUTH=none in so many words.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.OPERATIONS_PORT || process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# PID 1 is the node itself: it handles SIGTERM (drains, exits 0) and has no children to reap, only threads.
STOPSIGNAL SIGTERM
CMD ["node", "dist/server/main.js"]
