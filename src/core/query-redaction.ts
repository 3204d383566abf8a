/** What stands in place of a value that is not shown (OpenTelemetry "Semantic conventions for HTTP spans", `url.query`). */
export const redacted = 'REDACTED';

/**
 * Names of query parameters that usually carry a secret: credentials, session ids, one-time codes of OAuth 2.0 (RFC 6749),
 * SAML messages, and signatures of presigned URLs (AWS, Azure, Google Cloud). `*` stands for any beginning.
 */
export const sensitiveParametersDefault: readonly string[] = [
  '*token',
  '*secret',
  '*password',
  '*passwd',
  '*pwd',
  '*passphrase',
  '*signature',
  '*api_key',
  '*access_key',
  '*private_key',
  '*secret_key',
  '*access_key_id',
  '*credential',
  '*credentials',
  '*session',
  '*session_id',
  '*jwt',
  'assertion',
  'auth',
  'authorization',
  'client_assertion',
  'code',
  'code_verifier',
  'csrf',
  'id_token_hint',
  'key',
  'otp',
  'pass',
  'pin',
  'saml_request',
  'saml_response',
  'sid',
  'sig',
  'ticket',
];

/** Replaces the values of sensitive parameters. Names are compared by their letters and digits, without regard to case. */
export class QueryRedaction {
  private readonly names: ReadonlySet<string>;
  private readonly endings: readonly string[];

  /** Names as in `sensitiveParametersDefault`; none of them redacts nothing. */
  constructor(names: readonly string[]) {
    this.names = new Set(names.filter((name) => !name.startsWith('*')).map(plainName));
    this.endings = names.filter((name) => name.startsWith('*')).map(plainName);
  }

  /**
   * Redacts a request target: `/a?token=x` becomes `/a?token=REDACTED`. Parameters of the path count as well
   * (`/a;jsessionid=x`, RFC 3986 section 3.3), and so does the user information of a URL in a value. The same string comes
   * back where nothing is secret. Never throws.
   */
  target(target: string): string {
    const query = target.indexOf('?');
    const ofPath = target.indexOf(';');
    const start = query < 0 || (ofPath >= 0 && ofPath < query) ? ofPath : query;
    if (start < 0) return target;
    return withoutUserInfo(this.parameters(target, start + 1));
  }

  private parameters(text: string, start: number): string {
    let shown = '';
    /** Behind the last value that was replaced. */
    let from = 0;
    let equals = -1;
    let at = start;
    let inQuery = text.charCodeAt(start - 1) === questionMark;
    let secret = false;
    for (let i = start; i <= text.length; i++) {
      const code = i === text.length ? ampersand : text.charCodeAt(i);
      if (code === equalsSign && equals < 0) {
        equals = i;
        secret = this.isSensitive(nameOf(text.slice(at, i)));
      } else if (inQuery ? code === ampersand || (code === semicolon && !secret) : separatesPath(code)) {
        if (secret && i > equals + 1) {
          shown += `${text.slice(from, equals + 1)}${redacted}`;
          from = i;
        }
        inQuery ||= code === questionMark;
        at = i + 1;
        equals = -1;
        secret = false;
      }
    }
    return from === 0 ? text : shown + text.slice(from);
  }

  private isSensitive(name: string): boolean {
    return this.names.has(name) || this.endings.some((ending) => name.endsWith(ending));
  }
}

const ampersand = 0x26;
const semicolon = 0x3b;
const equalsSign = 0x3d;
const questionMark = 0x3f;

/** What ends a parameter of the path; in a query, some servers let `;` do so, and a secret may hold it. */
function separatesPath(code: number): boolean {
  return code === semicolon || code === questionMark || code === 0x2f || code === ampersand;
}

/** A name as servers read it: percent-decoded as far as that goes. */
function nameOf(text: string): string {
  const decoded = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return plainName(decoded);
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** `https://user:password@host` in a text becomes `https://REDACTED@host`. */
export function withoutUserInfo(text: string): string {
  if (!text.includes('@')) return text;
  return text.replace(/(:\/\/|:%2f%2f)[^/?#\s&]*@/gi, `$1${redacted}@`);
}
