/** What stands in place of a value that is not shown (OpenTelemetry "Semantic conventions for HTTP spans", `url.query`). */
export const redacted = 'REDACTED';

/**
 * Names of query parameters that usually carry a secret: credentials, session ids, one-time codes of OAuth 2.0 (RFC 6749),
 * SAML messages, and signatures of presigned URLs (AWS, Azure, Google Cloud). `*` stands for any beginning.
 */
export const sensitiveParametersDefault: readonly string[] = [
  '*token',
  '*bearer',
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
   * (`/a;jsessionid=x`, RFC 3986 section 3.3), so do those of a URL within a value, percent-encoded or not, and so does the
   * user information of a URL. The same string comes back where nothing is secret. Never throws.
   */
  target(target: string): string {
    return withoutUserInfo(this.names.size + this.endings.length === 0 ? target : this.parameters(target));
  }

  private parameters(text: string): string {
    if (!mayHaveParameters.test(text)) return text;
    let shown = '';
    /** Behind the last value that was replaced. */
    let from = 0;
    /** Where the name of the parameter begins; none yet in a path. */
    let at = -1;
    /** Where the value of a secret begins; -1 in anything else. */
    let value = -1;
    let encoded = false;
    let inQuery = false;
    const end = (where: number): void => {
      if (value >= 0 && where > value) {
        shown += `${text.slice(from, value)}${redacted}`;
        from = where;
      }
      value = -1;
    };
    for (const { 0: mark, index } of text.matchAll(marks)) {
      const isEncoded = mark.length > 1;
      const code = isEncoded ? Number.parseInt(mark.slice(1), 16) : mark.charCodeAt(0);
      if (value >= 0) {
        // An encoded mark may be a part of a value that is not encoded itself.
        if ((isEncoded && !encoded) || !endsSecret(code, inQuery, encoded)) continue;
        end(index);
      }
      const next = index + mark.length;
      if (code === equalsSign) {
        if (at >= 0 && this.isSensitive(text.slice(at, index))) {
          value = next;
          encoded = isEncoded;
        }
        at = -1;
      } else if (code !== slash || !inQuery) {
        inQuery ||= code === questionMark && !isEncoded;
        at = code === slash ? -1 : next;
      }
    }
    end(text.length);
    return from === 0 ? text : shown + text.slice(from);
  }

  private isSensitive(encodedName: string): boolean {
    const name = decoded(encodedName);
    const { names, endings } = this;
    return [name, ...name.split(/[[\].]+/)].some((part) => {
      const plain = plainName(part);
      return names.has(plain) || endings.some((ending) => plain.endsWith(ending));
    });
  }
}

const mayHaveParameters = /[#%;?]/;
/** What begins or ends a parameter: `# & / ; = ?`, as it is or percent-encoded within a value. */
const marks = /[#&/;=?]|%(?:2[36f]|3[bdf])/gi;

const ampersand = 0x26;
const semicolon = 0x3b;
const equalsSign = 0x3d;
const questionMark = 0x3f;
const numberSign = 0x23;
const slash = 0x2f;

/**
 * Whether a mark ends the value of a secret. In a query some servers let `;` do so, but a secret may hold it; one of a URL
 * within another ends with that URL at the latest.
 */
function endsSecret(code: number, inQuery: boolean, encoded: boolean): boolean {
  if (code === ampersand || (encoded && code === numberSign)) return true;
  return !inQuery && !encoded && (code === semicolon || code === questionMark || code === slash);
}

/** A name as servers read it: percent-decoded as far as that goes. */
function decoded(text: string): string {
  return text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** `https://user:password@host` in a text becomes `https://REDACTED@host`. */
export function withoutUserInfo(text: string): string {
  if (!text.includes('@') && !text.includes('%40')) return text;
  return text.replace(userInfo, `$1${redacted}@`);
}

/** Up to the last `@` of the authority, percent-encoded or not. */
const userInfo = /((?::|%3a)(?:\/|%2f){2})(?:(?!%(?:2f|3f|23|26))[^/?#\s&])*(?:@|%40)/gi;

/** The same, and without sensitive parameters in the URLs of a text that says something of them. */
export function withoutUrlSecrets(text: string): string {
  if (!text.includes('/')) return text;
  return withoutUserInfo(text).replace(/[^\s"'<>]+/g, (word) =>
    word.includes('/') ? defaultRedaction.target(word) : word,
  );
}

const defaultRedaction = new QueryRedaction(sensitiveParametersDefault);
