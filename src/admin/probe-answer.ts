import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { allowedMethods, answerRoute, type ScreenOptions, screen, wrongMethod } from './answer.ts';
import type { AdminDeps } from './deps.ts';
import type { Reply } from './reply.ts';
import { adminRoutes, matchPath, notFound } from './routes.ts';

/** What `admin.probes` serves. */
const probeRoutes = adminRoutes.filter((route) => route.isProbe);

const noBody = Buffer.alloc(0);

export interface ProbeAnswerOptions extends Omit<ScreenOptions, 'anyAddress'> {
  readonly deps: AdminDeps;
  readonly clock: Clock;
}

/**
 * Decides what a request to `admin.probes` gets: `/ready`, `/live` or `/metrics`, and nothing else. Any IP
 * address may stand in `Host`: a name can be pointed here by an attacker (DNS rebinding) and an address cannot, and behind
 * a port of a node or a Service the kubelet and Prometheus send that address and not ours.
 */
export function makeProbeAnswer(
  options: ProbeAnswerOptions,
): (request: IncomingMessage) => Reply | Promise<Reply> {
  const { deps, clock } = options;
  return (request) => {
    const { refusal, target } = screen(request, { ...options, anyAddress: true });
    if (refusal !== undefined) return refusal;
    const found = matchPath(target.path, probeRoutes);
    if (found.length === 0) return notFound(target.path, probeRoutes);
    const allow = allowedMethods('GET');
    if (!allow.includes(request.method ?? '')) return wrongMethod(request.method ?? '', target.path, allow);
    const asked = { deps, nowWallMs: clock.wallMs(), live: () => ({}), query: target.query, body: noBody };
    return answerRoute(found[0], { ...asked, accept: request.headers.accept ?? '' });
  };
}
