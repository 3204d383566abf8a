import { readdirSync, readFileSync } from 'node:fs';

/** What part of the descriptors that are free at the start is kept for replicas, health checks, the page and files. */
const keptShare = 1 / 4;

/**
 * Connections that clients may have at the most, by the descriptors that the process may open: once they have all, not a
 * replica could be reached any more, and the kernel's accept queue would be all there is to say so. Infinity where
 * the system does not report it, which is anywhere but on Linux.
 */
export function clientConnectionsMax(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (limit === null) return Number.POSITIVE_INFINITY;
    const free = Number(limit[1]) - readdirSync('/proc/self/fd').length;
    return Math.max(1, Math.floor(free * (1 - keptShare)));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
