import type { HeaderBlock } from '../../core/header-block.ts';

/** A server may ask for so long a pause, milliseconds; what is longer is as good as no. */
export const pushbackMsMax = 60_000;

/**
 * `grpc-retry-pushback-ms` of a reply (gRFC A6, "Pushback"): null where there is none, milliseconds to wait, or -1 for
 * "do not retry", which is what negative values, several of them and text that is no number mean.
 */
export function parsePushback(...blocks: ReadonlyArray<HeaderBlock | null>): number | null {
  const values = blocks.flatMap((block) => block?.all('grpc-retry-pushback-ms') ?? []);
  if (values.length === 0) return null;
  if (values.length > 1 || !/^\d{1,9}$/.test(values[0])) return -1;
  const ms = Number(values[0]);
  return ms <= pushbackMsMax ? ms : -1;
}
