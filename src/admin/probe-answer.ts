import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { allowedMethods, answerRoute, guarded, parseTarget, wrongMethod } from './answer.ts';
import type { AdminDeps } from './deps.ts';
import { type Reply, text } from './reply.ts';
import { refusalOf } from './request-guard.ts';
import { adminRoutes, matchPath, notFound } from './routes.ts';

/** What `admin.probes` serves. */
const probeRoutes = adminRoutes.filter((route) => route.isProbe);

export interface ProbeAnswerOptions {
  readonly deps: AdminDeps;
  readonly clock: Clock;
  readonly allowedHosts: readonly string[];
  readonly unix: boolean;
}

/**
 * Decides what a request to `admin.probes` gets: `/ready`, `/live` or `/metrics`, and nothing else. Any IP
 * address may stand in `Host`: a name can be pointed here by an attacker (DNS rebinding) and an address cannot, and behind
 * a port of a node or a Service the kubelet and Prometheus send that address and not ours.
 */
export function makeProbeAnswer(
  options: ProbeAnswerOptions,
): (request: IncomingMessage) => Reply | Promise<Reply> {
  const { deps, clock, allowedHosts, unix } = options;
  return (request) => {
    const refusal = refusalOf({ ...guarded(request, unix), anyAddress: true }, allowedHosts);
    if (refusal !== undefined) return text(refusal, 403);
    const target = parseTarget(request.url ?? '');
    if (!target) return text('The request target is not a path of reasonable length.', 400);
    const found = matchPath(target.path, probeRoutes);
    if (found.length === 0) return notFound(target.path, probeRoutes);
    const allow = allowedMethods('GET');
    if (!allow.includes(request.method ?? '')) return wrongMethod(request.method ?? '', target.path, allow);
    const asked = { deps, nowWallMs: clock.wallMs(), history: () => [], query: target.query };
    return answerRoute(found[0], { ...asked, accept: request.headers.accept ?? '' });
  };
}
