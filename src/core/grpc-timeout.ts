/** `grpc-timeout` (gRPC over HTTP/2): at most 8 digits and one of H M S m u n. */

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds, or undefined where the text is malformed. Never throws. */
export function parseGrpcTimeout(text: string): number | undefined {
  const length = text.length;
  if (length < 2 || length > 9) return undefined;
  let digits = 0;
  for (let i = 0; i < length - 1; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    digits = digits * 10 + digit;
  }
  const scale = unitMs[text[length - 1]];
  return scale === undefined ? undefined : digits * scale;
}

/**
 * The header for what is left of a deadline, rounded down so that the upstream never believes in more time than
 * there is; the finest unit that fits in 8 digits. What has run out is `0m`.
 */
export function formatGrpcTimeout(ms: number): string {
  if (!(ms > 0)) return '0m';
  if (ms < 99_999) return `${Math.floor(ms * 1000)}u`;
  if (ms <= 99_999_999) return `${Math.floor(ms)}m`;
  if (ms <= 99_999_999_000) return `${Math.floor(ms / 1000)}S`;
  return `${Math.min(Math.floor(ms / 3_600_000), 99_999_999)}H`;
}
