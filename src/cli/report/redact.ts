import { maskSecrets } from '../../admin/mask-secrets.ts';
import { isSecretKey, masked, maskUrls } from '../../core/secret-keys.ts';

/**
 * Removes secrets from what a support bundle contains. The sidecar has masked its configuration and the URLs of calls before;
 * texts of servers (`grpc-message`, errors) are free, so that here everything that looks like a secret goes as well.
 */

/** Values that are secrets wherever they stand. */
const patterns: readonly RegExp[] = [
  // PEM, with real line feeds or with those of JSON.
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g,
  // JSON Web Tokens (RFC 7519): two parts of base64url that begin with {", and a signature.
  /\beyJ[\w-]{5,}\.eyJ[\w-]{5,}(?:\.[\w-]*)?/g,
  // Keys of AWS, Google Cloud, GitHub, GitLab, Slack and Stripe have prefixes.
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[\w-]{35}/g,
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,})/g,
];

/** `authorization` schemes (RFC 9110 section 11.4) with what follows them. */
const credentials = /\b(Bearer|Basic|Digest|Negotiate)(\s+)(?!realm\b)[\w.~+/=-]{6,}/gi;

/** A key and its value: `password=x`, `"apiKey": "x"`, `token: x`. */
const assignment =
  /(["']?)\b([\w.-]{2,64})\1(\s*[:=]\s*)("(?:[^"\\\n]|\\.){1,4096}"|'[^'\n]{1,4096}'|[^\s"',;&{}[\]]{1,4096})/g;

export function redactText(text: string): string {
  let redacted = text;
  for (const pattern of patterns) redacted = redacted.replace(pattern, masked);
  return maskUrls(redacted)
    .replace(credentials, (_all, scheme, space) => `${scheme}${space}${masked}`)
    .replace(assignment, (all, quote, key, equals, value) => {
      if (!isSecretKey(key) || isHarmless(value)) return all;
      return `${quote}${key}${quote}${equals}${value.startsWith('"') ? `"${masked}"` : masked}`;
    });
}

/** Numbers and flags give nothing away: `tokens=20` is a rate limit. */
function isHarmless(value: string): boolean {
  return /^(?:\d{1,6}|true|false|null|none|•••|"•••")$/.test(value);
}

/** Returns a copy of a JSON value without secrets, in keys and in texts. */
export function redactJson(value: unknown): unknown {
  return redactTexts(maskSecrets(value));
}

function redactTexts(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redactTexts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, redactTexts(one)]));
}
