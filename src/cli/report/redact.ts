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
  // Keys of AWS, Google Cloud, GitHub, GitLab, Slack, Stripe and OpenAI have prefixes.
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[\w-]{35}/g,
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}|sk-[\w-]{20,})/g,
];

/** `authorization` schemes (RFC 9110 section 11.4) with what follows them. */
const credentials = /\b(Bearer|Basic|Digest|Negotiate)(\s+)(?!realm\b)[\w.~+/=-]{6,}/gi;

/** A key and what separates it from its value: `password=`, `"apiKey": `, `token: `. A key begins where no other one goes on. */
const keyForm = /(["']?)(?<![\w.-])([\w.-]{2,})\1\s{0,8}[:=]\s{0,8}/g;
/** A value: in quotes, with quotes that do not end, or up to the next space, quotation mark or `&`. */
const valueForm = /"(?:[^"\\\n]|\\.)*"|(?:'[^'\n]*')+|["'][^\n]*|[^\s"'&]*[^\s"'&,;]/y;
/** The value of a header may have spaces: `authorization: ApiKey …`, `cookie: a=…; b=…`. */
const headerForm = /"(?:[^"\\\n]|\\.)*"|[^\n"]+/y;
const isHeader = /(?:authorization|cookie)$/i;

/** Removes secrets from a text. Takes time in proportion to its length, whatever it holds. */
export function redactText(text: string): string {
  let redacted = text;
  for (const pattern of patterns) redacted = redacted.replace(pattern, masked);
  redacted = maskUrls(redacted).replace(credentials, (_all, scheme, space) => `${scheme}${space}${masked}`);
  return redactAssigned(redacted);
}

/** Removes what is assigned to secret keys. What follows another key may be a key again: `error: password=…`. */
function redactAssigned(text: string): string {
  let redacted = '';
  let from = 0;
  for (const match of text.matchAll(keyForm)) {
    const [all, , key] = match;
    const at = match.index + all.length;
    if (at < from || !isSecretKey(key)) continue;
    const form = isHeader.test(key) ? headerForm : valueForm;
    form.lastIndex = at;
    const value = form.exec(text)?.[0];
    if (value === undefined || isHarmless(key, value)) continue;
    redacted += `${text.slice(from, at)}${value.startsWith('"') ? `"${masked}"` : masked}`;
    from = at + value.length;
  }
  return redacted + text.slice(from);
}

/** Flags and numbers give nothing away, unless they are a password: `tokens=20` is a rate limit. */
function isHarmless(key: string, value: string): boolean {
  if (/^(?:true|false|null|none|•••|"•••")$/.test(value)) return true;
  return /^\d{1,6}$/.test(value) && !/pass|pwd|secret/i.test(key);
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
