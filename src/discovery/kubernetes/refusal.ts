import { safeText } from '../../core/safe-text.ts';
import { grantCommand } from './grant.ts';
import { recordOf } from './slice.ts';

/** What a reply with an error status means for discovery. */
export interface Refusal {
  /** One line: what happened and what to do. */
  readonly message: string;
  /** How long the server asks to wait at the least, milliseconds; 0 where it does not. */
  readonly waitMs: number;
}

/** Of what the server says. */
const messageCharsMax = 200;
/** A longer `Retry-After` counts as this, milliseconds. */
const waitMsMax = 300_000;

/** Returns what an error status means. `namespace` is the requested one, '' if it is not known. Never throws. */
export function refusalOf(status: number, body: string, retryAfter: string, namespace: string): Refusal {
  return { message: messageOf(status, saidBy(body), namespace), waitMs: waitMsOf(retryAfter) };
}

function messageOf(status: number, said: string, namespace: string): string {
  const answer = `the API server answers ${status}${said === '' ? '' : ` (${said})`}`;
  switch (status) {
    case 401:
      return 'the API server does not accept the token or certificate (401 Unauthorized); Outrigger reads it again for each attempt: check that it has not expired and is of this cluster';
    case 403:
      return `the API server denies access to EndpointSlices (403 Forbidden); run \`${grantCommand(said, namespace)}\``;
    case 404:
      return `${answer}; EndpointSlices (discovery.k8s.io/v1) require Kubernetes 1.21 or later: check the address of the API server`;
    case 429:
    case 503:
      return `${answer}; it is overloaded or not ready, and Outrigger waits before it asks again`;
    default:
      return answer;
  }
}

/** `message` of a Status object, else nothing: a web page helps nobody in a log. */
function saidBy(body: string): string {
  try {
    const { message } = recordOf(JSON.parse(body));
    return typeof message === 'string' ? safeText(message.slice(0, messageCharsMax)) : '';
  } catch {
    return '';
  }
}

/** Seconds only: the API server sends no date. */
function waitMsOf(retryAfter: string): number {
  return /^\d{1,9}$/.test(retryAfter) ? Math.min(Number(retryAfter) * 1000, waitMsMax) : 0;
}
