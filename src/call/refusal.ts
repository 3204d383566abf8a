import { boundedText } from '../core/bounded-text.ts';
import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { expiredError, malformedTimeoutError, targetError } from './call-errors.ts';
import type { RoutedRequest } from './routed-request.ts';
import type { Traffic } from './stage.ts';

/** A deadline that is nearer than this has passed when the call arrives, milliseconds: no timer here is finer. */
const timeoutMsMin = 1;

/**
 * Why a request is refused before an endpoint is picked, null where it is not: what no endpoint of the cluster could take would
 * only look like an error of the endpoint, and what no route may be looked up for. Null as well where there is no route.
 */
export function refusalOf(head: HeaderBlock, routed: RoutedRequest): ReplyError | null {
  const { plan, refusal, timeoutMs } = routed;
  if (refusal !== null) return targetError(refusal);
  if (plan === null) return protocolRefusal(head);
  if (!(timeoutMs >= timeoutMsMin))
    return Number.isNaN(timeoutMs) ? malformedTimeoutError(head) : expiredError(head);
  return null;
}

/** WebSockets have been handed over before, as the handshakes that they stand for. Of other protocols none is known (RFC 9220 section 3). */
function protocolRefusal(head: HeaderBlock): ReplyError | null {
  const protocol = head.ofKind(FieldKind.Protocol);
  if (protocol === undefined) return null;
  const shown = JSON.stringify(boundedText(protocol, protocolCharsMax));
  const detail = `the client sent a CONNECT with :protocol ${shown}, and websocket alone is served`;
  return { code: 'protocol_error', detail, mayHaveProcessed: false, httpStatus: 501 };
}

/** The protocol of a cluster cannot carry the request; null where it can. */
export function protocolMismatch(
  traffic: Traffic,
  { plan }: RoutedRequest,
  { name, settings: { protocol } }: Cluster,
): ReplyError | null {
  if (traffic !== 'websocket' || protocol !== 'tcp') return null;
  const detail = `route ${plan?.route} leads to cluster ${name}, whose protocol is tcp`;
  return { code: 'no_route', detail, mayHaveProcessed: false };
}

/** Characters of a protocol that an error shows. */
const protocolCharsMax = 40;
