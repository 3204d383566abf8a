import { nearestName } from '../core/nearest.ts';
import { type ConfigProblem, type Place, placeOfName, shown } from './problem.ts';
import type { Raw } from './scalar-type.ts';
import { type SourceNode, sourceOf } from './source.ts';
import { endpointShape } from './table/cluster.ts';
import { listener } from './table/listener.ts';

/** `--from` and `--to`, or their variables, with the name that problems call them by. */
export interface Targets {
  readonly from: { readonly text: string | undefined; readonly name: string };
  readonly to: { readonly texts: readonly string[]; readonly name: string };
}

export type TargetsResult =
  | { value: SourceNode; problems?: undefined }
  | { value?: undefined; problems: readonly ConfigProblem[] };

/** Listener, route and cluster of a run without a file. */
export const zeroConfigNames = { listener: 'outbound', route: 'all', cluster: 'upstream' } as const;

/**
 * The configuration that `--from ADDR --to TARGET …` stands for, as if it had been written into a file: one listener, one
 * route for everything, one cluster. So whatever a file gets (checks, defaults, rules), this gets too.
 */
export function sourceOfTargets({ from, to }: Targets): TargetsResult {
  const fromPlace = placeOfName(from.name);
  const toPlace = placeOfName(to.name);
  const problems: ConfigProblem[] = [];
  const complain = (place: Place, message: string): void => {
    problems.push({ ...place, path: '', message });
  };

  if (from.text === undefined)
    complain(fromPlace, 'is missing; write --from 127.0.0.1:15001, the address that your clients will call');
  else {
    const { error } = listener.keys.listen.type.parse(from.text);
    if (error !== undefined) complain(fromPlace, error);
  }
  if (to.texts.length === 0)
    complain(toPlace, 'is missing; write --to 127.0.0.1:50051 for each replica, or --to dns:///host:port');

  const endpoints: Raw[] = [];
  const names: DnsTarget[] = [];
  for (const text of to.texts) {
    const target = parseTarget(text);
    if (target.error !== undefined) complain(toPlace, target.error);
    else if (target.dns !== undefined) names.push(target.dns);
    else endpoints.push(target.endpoint);
  }
  if (names.length > 0 && names.length + endpoints.length > 1)
    complain(toPlace, 'a dns:/// target stands alone; write one such target, or addresses only');
  if (problems.length > 0) return { problems };

  const cluster: { [key: string]: Raw } = { name: zeroConfigNames.cluster };
  if (names.length > 0) cluster.discovery = { dns: { ...names[0] } };
  else cluster.endpoints = endpoints;
  const route = { name: zeroConfigNames.route, cluster: zeroConfigNames.cluster };
  const entry = { name: zeroConfigNames.listener, listen: from.text as string, routes: [route] };
  return { value: rootOf(sourceOf([entry], fromPlace), sourceOf([cluster], toPlace), fromPlace) };
}

function rootOf(listeners: SourceNode, clusters: SourceNode, place: Place): SourceNode {
  const entries = [
    { key: 'listeners', keyPlace: place, value: listeners },
    { key: 'clusters', keyPlace: place, value: clusters },
  ];
  return { kind: 'map', entries, place };
}

interface DnsTarget {
  readonly host: string;
  readonly port: number;
}
type Target =
  | { endpoint: Raw; dns?: undefined; error?: undefined }
  | { endpoint?: undefined; dns: DnsTarget; error?: undefined }
  | { endpoint?: undefined; dns?: undefined; error: string };

/** `127.0.0.1:50052;weight=2`, `unix:/path`, or `dns:///host:port` as gRPC names it. */
function parseTarget(text: string): Target {
  return text.startsWith('dns:') ? parseDns(text) : parseEndpoint(text);
}

function parseDns(text: string): Target {
  const match = /^dns:(?:\/\/\/)?([A-Za-z0-9_][A-Za-z0-9_.-]{0,252}):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535) return { dns: { host: match[1], port } };
  if (text.includes(';'))
    return { error: `${shown(text)}: what DNS finds has weight 1; write dns:///host:port` };
  if (/^dns:\/\/[^/]/.test(text))
    return { error: `${shown(text)} names a DNS server, and the system's is asked; write dns:///host:port` };
  return { error: `${shown(text)} is not a DNS target; write dns:///host:port` };
}

/** Keys that may follow an address, read as the table has them. */
const optionShapes = {
  weight: endpointShape.keys.weight.type,
  zone: endpointShape.keys.zone.type,
  priority: endpointShape.keys.priority.type,
};

function parseEndpoint(text: string): Target {
  const [addressText, ...options] = text.split(';');
  const { error } = endpointShape.keys.address.type.parse(addressText);
  if (error !== undefined) return { error };
  const endpoint: { [key: string]: Raw } = { address: addressText };
  for (const option of options) {
    const equals = option.indexOf('=');
    const key = equals < 0 ? option : option.slice(0, equals);
    if (!isOption(key)) {
      const near = nearestName(key, Object.keys(optionShapes)) ?? 'weight, zone or priority';
      return { error: `${shown(text)}: ${shown(key)} is not known here; write ${near}` };
    }
    if (equals < 0) return { error: `${shown(text)}: ${key} has no value; write ${key}=…` };
    if (endpoint[key] !== undefined)
      return { error: `${shown(text)}: ${key} is written twice; write it once` };
    const raw = optionShapes[key].fromText(option.slice(equals + 1));
    const parsed = optionShapes[key].parse(raw);
    if (parsed.error !== undefined) return { error: `${shown(text)}: ${key}: ${parsed.error}` };
    endpoint[key] = raw;
  }
  return { endpoint };
}

function isOption(key: string): key is keyof typeof optionShapes {
  return Object.hasOwn(optionShapes, key);
}
