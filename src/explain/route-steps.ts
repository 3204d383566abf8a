import { HeaderBlock } from '../core/header-block.ts';
import type { RouteMatch } from '../routing/route-match.ts';
import { TargetRules, type TargetRulesOptions } from '../routing/target-rules.ts';
import type { CallRecord, RouteStep, RouteSteps, RoutesOfCall } from '../telemetry/call-record.ts';
import { type MatchPart, partsOf, type RoutedRequest } from './match-parts.ts';

/** A route as it is configured. */
export interface ConfiguredRoute {
  readonly name: string;
  readonly match: RouteMatch;
}

/** Routes that one explanation lists. Each is matched condition by condition, which takes far longer than routing. */
export const routeStepsMax = 50;

const takesAll = 'it matches every request';

/**
 * Explains which of the routes took a request that is at hand, and why none before it did. `taken` is the name of the route; ''
 * where no route matched.
 */
export function routeStepsOf(
  routes: readonly ConfiguredRoute[],
  options: TargetRulesOptions,
  request: RoutedRequest,
  taken: string,
): RouteSteps {
  return stepsTo(routes, taken, (route, isTaken) => {
    const parts = partsOf(route.match, options);
    const deciding = parts.filter((part) => part.matches(request) === isTaken);
    return deciding.map((part) => part.words(isTaken, request));
  });
}

/**
 * The routes of a listener as they were configured, for its calls. A record of a call has no headers, for they may be credentials:
 * what a route requires of them follows from the route that took the call, because that is the first one that matches.
 */
export class ListenerRoutes implements RoutesOfCall {
  private readonly routes: readonly ConfiguredRoute[];
  private readonly options: TargetRulesOptions;

  constructor(routes: readonly ConfiguredRoute[], options: TargetRulesOptions) {
    this.routes = routes;
    this.options = options;
  }

  explain(call: CallRecord): RouteSteps {
    const request = requestOf(call, this.options);
    // The target was refused, so no route was asked.
    if (request === null) return { steps: [], leftOut: 0 };
    return stepsTo(this.routes, call.route, ({ match }, isTaken) => {
      const parts = partsOf(match, this.options);
      return isTaken ? parts.map((part) => part.words(true, request)) : mismatchReasons(parts, request);
    });
  }

  /** Keeps them out of the JSON of records. */
  toJSON(): undefined {
    return undefined;
  }
}

function mismatchReasons(parts: readonly MatchPart[], request: RoutedRequest): string[] {
  const known = parts.filter(({ isValue }) => !isValue);
  const failed = known.filter((part) => !part.matches(request));
  if (failed.length > 0) return failed.map((part) => part.words(false, request));
  const values = parts.filter(({ isValue }) => isValue);
  if (values.length === 0) return ['the record of the call has too little of the request to show why'];
  if (values.length === 1) return [values[0].words(false, request)];
  return [`at least one of these is not true: ${values.map((part) => part.words(true, request)).join(', ')}`];
}

function stepsTo(
  routes: readonly ConfiguredRoute[],
  taken: string,
  reasonsOf: (route: ConfiguredRoute, isTaken: boolean) => string[],
): RouteSteps {
  const at = taken === '' ? -1 : routes.findIndex(({ name }) => name === taken);
  const before = at < 0 ? routes : routes.slice(0, at);
  const room = at < 0 ? routeStepsMax : routeStepsMax - 1;
  const steps: RouteStep[] = before
    .slice(0, room)
    .map((route) => ({ route: route.name, matched: false, reasons: reasonsOf(route, false) }));
  if (at >= 0) {
    const reasons = reasonsOf(routes[at], true);
    steps.push({ route: taken, matched: true, reasons: reasons.length === 0 ? [takesAll] : reasons });
  }
  return { steps, leftOut: Math.max(0, before.length - room) };
}

/** The request as far as its record has it; null where its target was refused. */
function requestOf(call: CallRecord, options: TargetRulesOptions): RoutedRequest | null {
  const { httpMethod, authority, path, grpc, clientAddress } = call;
  const head = (target: string): HeaderBlock =>
    HeaderBlock.of(
      [':method', httpMethod],
      [':scheme', 'http'],
      [':authority', authority],
      [':path', target],
      ...(grpc ? [['content-type', 'application/grpc'] as const] : []),
    );
  if (call.route === '' && call.error === 'protocol_error') return null;
  const target = new TargetRules(options).targetOf(head(path));
  return { head: head(target.refusal === null ? target.path : path), source: clientAddress };
}
