#!/usr/bin/env bash
# Builds the container image with docker, podman or buildah, whichever is installed: docker/build.sh [OPTIONS OF THE ENGINE]
#
#   TAG        name of the image (outrigger:dev)
#   PLATFORMS  several architectures, such as linux/amd64,linux/arm64: an image index for a registry. Machines without the other
#              architecture need qemu-user-static, for one short step.
#   ENGINE     docker, podman or buildah, with global options where it needs some
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${TAG:-outrigger:dev}

engine() {
  local name
  for name in docker podman buildah; do
    if command -v "$name" >/dev/null; then
      echo "$name"
      return
    fi
  done
  echo 'docker/build.sh: none of docker, podman and buildah is installed; install one of them' >&2
  return 1
}
read -ra command <<<"${ENGINE:-$(engine)}"

build=(build --file docker/Dockerfile
  --build-arg "VERSION=$(sed -nE 's/^  "version": "(.*)",$/\1/p' package.json)"
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  --build-arg "CREATED=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)")

case $(basename "${command[0]}") in
  docker)
    # The builder adds its own bill of materials and the provenance to what it pushes.
    if [ -n "${PLATFORMS:-}" ]; then
      build=(buildx "${build[@]}" --platform "$PLATFORMS" --sbom=true --provenance=mode=max)
    fi
    build+=(--tag "$tag")
    ;;
  *)
    # The format of OCI has no HEALTHCHECK.
    build+=(--format docker --ignorefile docker/Dockerfile.dockerignore)
    if [ -n "${PLATFORMS:-}" ]; then build+=(--platform "$PLATFORMS" --manifest "$tag"); else build+=(--tag "$tag"); fi
    ;;
esac
exec "${command[@]}" "${build[@]}" "$@" .
