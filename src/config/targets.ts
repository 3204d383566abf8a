import type { Result } from '../core/result.ts';
import { type ConfigProblem, type Place, placeOfName, shown } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import { endpointOf, type ListMember, splitList } from './endpoint-list.ts';
import { type SourceNode, sourceOf } from './source.ts';
import { table } from './table.ts';

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
    const { error } = table.keys.listeners.item.keys.listen.type.parse(from.text);
    if (error !== undefined) complain(fromPlace, error);
  }
  if (to.texts.every((text) => /^[\s,]*$/.test(text)))
    complain(toPlace, 'is missing; write --to 127.0.0.1:50051,127.0.0.1:50052 or --to dns:///host:port');

  const { endpoints, names, errors } = targetsOf(to.texts);
  for (const error of errors) complain(toPlace, error);
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

/** What the texts of `--to` hold: each is a list of `host:port`, `unix:/path` or `dns:///host:port` (as gRPC names it). */
function targetsOf(texts: readonly string[]): { endpoints: Raw[]; names: DnsTarget[]; errors: string[] } {
  const endpoints: Raw[] = [];
  const names: DnsTarget[] = [];
  const errors: string[] = [];
  for (const text of texts) {
    const list = splitList(text);
    errors.push(...list.errors);
    for (const member of list.members) {
      if (member.target.startsWith('dns:')) {
        const { value, error } = parseDns(member);
        if (value === undefined) errors.push(error);
        else names.push(value);
      } else {
        const { value, error } = endpointOf(member);
        if (value === undefined) errors.push(error);
        else endpoints.push(value);
      }
    }
  }
  return { endpoints, names, errors };
}

function parseDns({ target, options, text }: ListMember): Result<DnsTarget> {
  if (options.length > 0)
    return { error: `${shown(text)}: every address that DNS finds has weight 1; write dns:///host:port` };
  const match = /^dns:(?:\/\/\/)?([A-Za-z0-9_][A-Za-z0-9_.-]{0,252}):(\d{1,5})$/.exec(target);
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535) return { value: { host: match[1], port } };
  if (/^dns:\/\/[^/]/.test(target))
    return {
      error: `${shown(target)} names a DNS server, and Outrigger asks those of the system; write dns:///host:port`,
    };
  return { error: `${shown(target)} is not a DNS target; write dns:///host:port` };
}
