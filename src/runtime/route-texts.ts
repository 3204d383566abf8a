import type { RoutePolicySetting } from '../admin/deps.ts';
import { shownFileOfConfig } from '../config/load.ts';
import { type Config, tableOf } from '../config/table.ts';
import type { PolicyList } from '../policies/compile.ts';
import type { Raw, RawMap } from '../schema/scalar-type.ts';

/** What the configuration says of one route, as a file would have it, secrets masked. */
export interface RouteText {
  /** Which requests it gets; '' for all of them. */
  readonly match: string;
  readonly policies: readonly RoutePolicySetting[];
}

/** Of each listener, by name, its routes in their order. */
export type RouteTexts = ReadonlyMap<string, readonly RouteText[]>;

export const noText: RouteText = { match: '', policies: [] };

/** Made once for each configuration: the page asks every second. */
const known = new WeakMap<Config, RouteTexts>();

/** Returns what the configuration says of its routes. */
export function routeTexts(config: Config, policies: PolicyList): RouteTexts {
  let texts = known.get(config);
  if (texts === undefined) {
    const file = shownFileOfConfig(config, tableOf(policies));
    const keys = new Set(policies.map(({ key }) => key));
    const listeners = file.listeners as unknown as readonly RawMap[];
    texts = new Map(
      listeners.map((listener) => [
        String(listener.name),
        ((listener.routes ?? []) as unknown as readonly RawMap[]).map((route) => routeText(route, keys)),
      ]),
    );
    known.set(config, texts);
  }
  return texts;
}

function routeText(route: RawMap, keys: ReadonlySet<string>): RouteText {
  const match = flowText(route.match ?? {});
  return {
    match: match === '{}' ? '' : match,
    policies: Object.entries(route)
      .filter(([key, value]) => keys.has(key) && value !== undefined)
      .map(([policy, value]) => ({ policy, text: flowText(value as Raw) }))
      // An empty list is the default of `policies`: the route has none.
      .filter(({ text }) => text !== '[]'),
  };
}

/** A value on one line, in YAML's flow style; what a key has no value for, or an empty one, is left out. */
function flowText(value: Raw): string {
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? plain(value) : String(value);
  if (Array.isArray(value)) return `[${value.map((item: Raw) => flowText(item)).join(', ')}]`;
  const parts = Object.entries(value)
    .map(([key, child]) => [key, flowText(child)] as const)
    .filter(([, text]) => text !== '{}' && text !== '[]' && text !== 'null')
    .map(([key, text]) => `${key}: ${text}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

/** In quotes where YAML would read something else. */
function plain(text: string): string {
  return /^[\w./$*-][\w./:$*@ -]*$/.test(text) && !text.endsWith(' ') ? text : JSON.stringify(text);
}
