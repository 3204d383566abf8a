import type { HeaderBlock } from '../core/header-block.ts';
import { isHttp1Method } from '../core/http-method.ts';
import type { ReplyError } from '../core/reply-error.ts';
import { expiredError, malformedTimeoutError, targetError, unsendableError } from './call-errors.ts';
import type { Forwarding } from './forwarding.ts';

/** A deadline that is nearer than this has passed when the call arrives, milliseconds: no timer here is finer. */
const timeoutMsMin = 1;

/**
 * Why a request is refused before an endpoint is picked, null where it is not: what no endpoint of the cluster could take would
 * only look like an error of the endpoint, and what no route may be looked up for. Null as well where there is no route.
 */
export function refusalOf(head: HeaderBlock, forwarding: Forwarding): ReplyError | null {
  const { plan, refusal, timeoutMs } = forwarding;
  if (refusal !== null) return targetError(refusal);
  if (plan === null) return null;
  if (!(timeoutMs >= timeoutMsMin))
    return Number.isNaN(timeoutMs) ? malformedTimeoutError(head) : expiredError(head);
  // The method as it came: that of the forwarding is bounded, for people.
  if (plan.cluster.settings.protocol === 'http1' && !isHttp1Method(head.method)) {
    const method = JSON.stringify(head.method.slice(0, methodCharsMax));
    return unsendableError(`method ${method} cannot be sent to an HTTP/1.1 endpoint`);
  }
  return null;
}

/** Characters of a method that an error shows. */
const methodCharsMax = 40;
