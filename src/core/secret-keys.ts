import { QueryRedaction, sensitiveParametersDefault } from './query-redaction.ts';

/** What stands in the place of a secret that is not shown. */
export const masked = '•••';

/** Keys and header names whose value is a secret wherever they stand; paths of key files (`key`, `cert`) are not. */
const secretKey =
  /passw(or)?d|passphrase|pwd|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key|bearer|jwt|signature|^(x-)?auth$|authorization(-?bin)?$|^x-auth|^(set-)?cookie$/i;
/** Keys that only look like one: those of a rate limit, a bucket's `tokens`, the path of a file. */
const harmlessKey = /^tokens$|^(max|min)tokens$|^tokens?(max|min|per)|tokenBucket|^tokenFile$/i;

/** Whether a key of a configuration, or a header by its name, holds a secret. */
export function isSecretKey(key: string): boolean {
  return secretKey.test(key) && !harmlessKey.test(key);
}

const redaction = new QueryRedaction(sensitiveParametersDefault);

/** A text without private keys (PEM), and of a URL, or a path with a query, without passwords and sensitive parameters. */
export function maskText(text: string): string {
  if (text.includes('PRIVATE KEY-----')) return masked;
  if (!text.includes('://') && !text.startsWith('/')) return text;
  return redaction
    .target(text.replace(/([a-z][a-z0-9+.-]{0,31}:\/\/\/?)[^\s/?#@]*@/gi, `$1${masked}@`))
    .replaceAll('REDACTED', masked);
}

/**
 * The same, and of a URL no query at all: in one that an operator configures any parameter may be a token, whatever its
 * name.
 */
export function maskUrls(text: string): string {
  return maskText(text).replace(/(:\/\/(?:(?!:\/\/)[^?\s"])*\?)[^\s"]+/g, `$1${masked}`);
}
