import { Field, FieldKind } from '../core/field.ts';
import { parseGrpcTimeout } from '../core/grpc-timeout.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { Router } from '../routing/router.ts';
import type { ReplacedHeaders } from '../telemetry/propagation.ts';
import { defaultRequestText, type RequestText } from '../telemetry/request-text.ts';
import { MethodRef } from '../upstream/method-slots.ts';
import type { RoutePlan } from './route-plan.ts';

/**
 * All that follows from a request head alone, or from that and the address of the client: its route, the fields to forward, its timeout. A client that sends the
 * same head on every call (its decoder gives the very same block then) has it worked out once.
 */
export interface RoutedRequest {
  readonly plan: RoutePlan | null;
  /** Why the target of the request is refused, as words after "the client sent "; null where it is served. */
  readonly refusal: string | null;
  /** The fields every attempt gets; the trace context and the timeout that is left are put behind them. */
  readonly base: HeaderBlock;
  /** `grpc-timeout` in milliseconds, infinity for none, NaN where it is malformed. */
  readonly timeoutMs: number;
  readonly grpc: boolean;
  /** The content type of a gRPC call; '' for any other request. */
  readonly contentType: string;
  /** The method of a gRPC call for the counts of endpoints; null for any other request. */
  readonly rpcMethod: MethodRef | null;
  /** As they came and as telemetry shows them: bounded, and without secrets. What is routed and forwarded is the head. */
  readonly method: string;
  readonly path: string;
  readonly authority: string;
}

interface Remembered extends RoutedRequest {
  readonly router: Router<RoutePlan>;
  readonly replaced: ReplacedHeaders;
  readonly shown: RequestText;
  /** The address of the client, where its route depends on it. */
  readonly source: string;
  /** The path is forwarded in another form than it came. */
  readonly rewritten: boolean;
}

/** `replaced`: the trace headers of the request that are not forwarded. `shown`: what telemetry shows of it. */
export function routeRequest(
  head: HeaderBlock,
  router: Router<RoutePlan>,
  replaced: ReplacedHeaders,
  shown: RequestText = defaultRequestText,
  clientAddress = '',
): RoutedRequest {
  // Equal heads of other clients may be the same object.
  const source = router.matchesSource ? clientAddress : '';
  const known = head.derived as Remembered | null;
  if (known !== null && known.router === router && isFor(known, replaced, shown, source)) return known;
  const common = routeLikeBase(head, router, replaced, shown, source);
  if (common !== null) return common;
  const grpc = head.isGrpc;
  // A tunnel is no call, whatever the routes say; over HTTP/1.1 it is refused as well. It has no target to judge.
  const target = head.method === 'CONNECT' ? null : router.targetOf(head);
  const served = target !== null && target.refusal === null;
  const rewritten = served && target.path !== head.path;
  const normal = rewritten ? withPath(head, target.path) : head;
  const routed: Remembered = {
    router,
    replaced,
    shown,
    source,
    rewritten,
    refusal: target === null ? null : target.refusal,
    plan: served ? router.route(normal, source) : null,
    base: forwardedFields(normal, grpc, replaced),
    timeoutMs: timeoutOf(head, grpc),
    grpc,
    contentType: grpc ? head.ofKind(FieldKind.ContentType)! : '',
    rpcMethod: grpc ? new MethodRef(shown.path(head.path)) : null,
    method: shown.method(head.method),
    path: shown.path(head.path),
    authority: shown.authority(head.authority),
  };
  if (head.repeated) {
    // Its own encoding is remembered by each connection, under the same condition.
    routed.base.repeated = true;
    head.derived = routed;
  }
  return routed;
}

function timeoutOf(head: HeaderBlock, grpc: boolean): number {
  // What is not gRPC may call its headers as it likes.
  const timeout = grpc ? head.ofKind(FieldKind.GrpcTimeout) : undefined;
  return timeout === undefined ? Number.POSITIVE_INFINITY : (parseGrpcTimeout(timeout) ?? Number.NaN);
}

function isFor(known: Remembered, replaced: ReplacedHeaders, shown: RequestText, source: string): boolean {
  return known.replaced === replaced && known.shown === shown && known.source === source;
}

const timeoutKind = 1 << FieldKind.GrpcTimeout;

/** What may follow the common part of a client's heads and change nothing but the timeout and the fields to forward. */
const indifferentKinds =
  (1 << FieldKind.Regular) |
  (1 << FieldKind.Traceparent) |
  (1 << FieldKind.Tracestate) |
  (1 << FieldKind.ContentLength) |
  timeoutKind;

/** Of a head that only adds such fields to a base that repeats, as where each call has an id: all else is the base's. */
function routeLikeBase(
  head: HeaderBlock,
  router: Router<RoutePlan>,
  replaced: ReplacedHeaders,
  shown: RequestText,
  source: string,
): RoutedRequest | null {
  const { base } = head;
  if (base?.repeated !== true || head.repeated || router.matchesHeaders) return null;
  if (head.ownHasAny(~indifferentKinds)) return null;
  const ofBase = routeRequest(base, router, replaced, shown, source);
  // What is forwarded then stands on another base than the head does.
  if ((base.derived as Remembered).rewritten) return null;
  const { plan, refusal, grpc, contentType, rpcMethod, method, path, authority } = ofBase;
  return {
    plan,
    refusal,
    base: forwardedFields(head, grpc, replaced),
    timeoutMs: head.ownHasAny(timeoutKind) ? timeoutOf(head, grpc) : ofBase.timeoutMs,
    grpc,
    contentType,
    rpcMethod,
    method,
    path,
    authority,
  };
}

function withPath(head: HeaderBlock, path: string): HeaderBlock {
  return new HeaderBlock(
    head.allFields.map((field) => (field.kind === FieldKind.Path ? new Field(field.name, path) : field)),
  );
}

/** `expect` is answered by this hop; aliases of fields that others rely on go nowhere. */
const droppedKinds = (1 << FieldKind.Expect) | (1 << FieldKind.Alias);

function withoutKinds(fields: readonly Field[], kinds: number): Field[] {
  const kept: Field[] = [];
  for (let i = 0; i < fields.length; i++) if (((1 << fields[i].kind) & kinds) === 0) kept.push(fields[i]);
  return kept;
}

/** Everything but what is added again for each attempt, and what is dropped; the head itself where there is nothing of that. */
function forwardedFields(head: HeaderBlock, grpc: boolean, { kinds, names }: ReplacedHeaders): HeaderBlock {
  const replacedKinds = (grpc ? timeoutKind : 0) | droppedKinds | kinds;
  if (names === null) {
    if (!head.hasAny(replacedKinds)) return head;
    const { base } = head;
    if (base !== null && !base.hasAny(replacedKinds)) {
      const own = withoutKinds(head.fields, replacedKinds);
      return own.length === 0 ? base : new HeaderBlock(own, base);
    }
    return new HeaderBlock(withoutKinds(head.allFields, replacedKinds));
  }
  const { allFields } = head;
  const kept = allFields.filter(({ kind, name }) => ((1 << kind) & replacedKinds) === 0 && !names.has(name));
  return kept.length === allFields.length ? head : new HeaderBlock(kept);
}
