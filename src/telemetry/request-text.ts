import { boundedText } from '../core/bounded-text.ts';
import { QueryRedaction, sensitiveParametersDefault } from '../core/query-redaction.ts';

/** Characters that telemetry keeps of what a request says of itself, whatever the limits of its header list. */
export const pathCharsMax = 1024;
/** A name of 253 characters and a port (RFC 1035 section 2.3.4, with a dot at its end). */
export const authorityCharsMax = 260;
export const methodCharsMax = 32;
/** Characters kept of a sentence that describes what went wrong, and that may quote a peer. */
export const detailCharsMax = 1024;

/**
 * What records, logs, spans and error texts show of a request: never longer than the limits above, and without the secrets
 * that clients put into URLs. Worked out once per distinct head (`call/routed-request.ts`).
 */
export class RequestText {
  private readonly redaction: QueryRedaction;

  constructor(redaction: QueryRedaction) {
    this.redaction = redaction;
  }

  /** `:path`, with its query. */
  path(text: string): string {
    return this.redaction.target(boundedText(text, pathCharsMax));
  }

  /** `:authority`; user information before an `@` is no part of it in HTTP (RFC 9110 section 4.2.4), and may be a password. */
  authority(text: string): string {
    const at = text.lastIndexOf('@');
    return boundedText(at < 0 ? text : `REDACTED@${text.slice(at + 1)}`, authorityCharsMax);
  }

  method(text: string): string {
    return boundedText(text, methodCharsMax);
  }
}

export const defaultRequestText = new RequestText(new QueryRedaction(sensitiveParametersDefault));
