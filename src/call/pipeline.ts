import { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { EndedBy } from '../telemetry/call-record.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { memoryError, noClusterError, noRouteError } from './call-errors.ts';
import type { ProxyContext } from './plan.ts';
import { protocolMismatch, refusalOf } from './refusal.ts';
import type { RoutePlan, StageLists } from './route-plan.ts';
import type { RoutedRequest } from './routed-request.ts';
import type { DirectReply, RequestView, Verdict } from './stage.ts';

/**
 * What stands between a request and its first endpoint: the same steps, in this order, for gRPC calls, web requests,
 * WebSockets, TCP connections and UDP sessions. Layer 4 has no head, so the steps that read one let it pass.
 *
 *  1. target     The request target is well formed, and so is the `grpc-timeout` of a request that has a route. First,
 *                since a route must not be looked up for anything else.
 *  2. route      A route matches.
 *  3. memory     The process has memory for one more request. Before the stages, which may take memory of their own.
 *  4. time       The time that the request has begins to run: the stages may wait.
 *  5. stages     The policies of the route, in the order of the list of policies (`src/policies/list.ts`).
 *  6. cluster    There is one, and it speaks a protocol that can carry the request. After the stages, which may choose it.
 *
 * Then the request acquires an endpoint (`Cluster.acquire`), once for each attempt.
 */
export function runPipeline(request: PipelineRequest): void {
  const { context, routed } = request;
  const refusal = refusalOf(request.requestHead, routed);
  if (refusal !== null) return request.refused(refusal, 'client');
  const { plan } = routed;
  if (plan === null) return request.refused(noRouteError(routed), 'outrigger');
  if (context.memory.high) return request.refused(memoryError(), 'outrigger');
  request.timed(plan);
  if (plan.stages === null) return admit(request);
  const stages = plan.stages[request.traffic];
  if (stages === null) admit(request);
  else runStages(request, stages, 0);
}

/** A request as the pipeline sees it: what the stages see, and what may become of it. Exactly one of the last three happens. */
export interface PipelineRequest extends RequestView {
  readonly context: ProxyContext;
  readonly routed: RoutedRequest;
  /** The request has a route: its deadline runs from now on. */
  timed(plan: RoutePlan): void;
  /** A stage delays the request; `cancel` takes that back. */
  waiting(cancel: () => void): void;
  admitted(): void;
  refused(error: ReplyError, endedBy: EndedBy): void;
  answered(reply: DirectReply): void;
}

function runStages(request: PipelineRequest, stages: StageLists, from: number): void {
  for (let i = from; i < stages.request.length; i++) {
    const resume = (verdict: Verdict): void => {
      if (verdict === null) runStages(request, stages, i + 1);
      else decide(request, verdict);
    };
    const verdict = stages.request[i].request!(request, resume);
    if (verdict !== null) return decide(request, verdict);
  }
  admit(request);
}

function decide(request: PipelineRequest, verdict: NonNullable<Verdict>): void {
  if (verdict.kind === 'error') request.refused(verdict.error, 'outrigger');
  else if (verdict.kind === 'reply') request.answered(verdict.reply);
  else request.waiting(verdict.cancel);
}

function admit(request: PipelineRequest): void {
  const { cluster, routed, traffic } = request;
  if (cluster === null) return request.refused(noClusterError(routed), 'outrigger');
  const mismatch = protocolMismatch(traffic, routed, cluster);
  if (mismatch === null) request.admitted();
  else request.refused(mismatch, 'outrigger');
}

/** The head that an endpoint gets, after the stages that act on attempts; or the error of one, which ends the request. */
export function attemptHead(
  request: RequestView,
  stages: StageLists | null,
  head: HeaderBlock,
  endpoint: Endpoint,
): HeaderBlock | ReplyError {
  if (stages === null) return head;
  let changed = head;
  for (const stage of stages.attempt) {
    const next = stage.attempt!(request, changed, endpoint);
    if (!(next instanceof HeaderBlock)) return next;
    changed = next;
  }
  return changed;
}

/**
 * The head of an endpoint's reply that the client gets, or the error of a stage, which ends the request. The last stage comes
 * first: replies pass the list the other way round.
 */
export function replyHeadOf(
  request: RequestView,
  stages: StageLists,
  head: HeaderBlock,
  endpoint: Endpoint,
): HeaderBlock | ReplyError {
  let changed = head;
  for (let i = stages.reply.length - 1; i >= 0; i--) {
    const next = stages.reply[i].reply!(request, changed, endpoint);
    if (!(next instanceof HeaderBlock)) return next;
    changed = next;
  }
  return changed;
}

/** The same for a reply of Outrigger itself. It may be an error already, so that a stage that fails only leaves it as it is. */
export function ownReplyHead(request: RequestView, stages: StageLists, head: HeaderBlock): HeaderBlock {
  let changed = head;
  for (let i = stages.reply.length - 1; i >= 0; i--) {
    const next = stages.reply[i].reply!(request, changed, null);
    if (next instanceof HeaderBlock) changed = next;
  }
  return changed;
}

/** The trailers of a reply, as `replyHeadOf`. */
export function replyTrailersOf(
  request: RequestView,
  stages: StageLists,
  trailers: HeaderBlock,
  endpoint: Endpoint,
): HeaderBlock | ReplyError {
  let changed = trailers;
  for (let i = stages.trailers.length - 1; i >= 0; i--) {
    const next = stages.trailers[i].trailers!(request, changed, endpoint);
    if (!(next instanceof HeaderBlock)) return next;
    changed = next;
  }
  return changed;
}

/** The trailers with which Outrigger itself ends a reply, as `ownReplyHead`. */
export function ownReplyTrailers(
  request: RequestView,
  stages: StageLists,
  trailers: HeaderBlock,
): HeaderBlock {
  let changed = trailers;
  for (let i = stages.trailers.length - 1; i >= 0; i--) {
    const next = stages.trailers[i].trailers!(request, changed, null);
    if (next instanceof HeaderBlock) changed = next;
  }
  return changed;
}
