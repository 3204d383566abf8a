import type { JsonObject } from '../../reflection/json.ts';
import { dataSourceFields } from './fields/listener-fields.ts';
import {
  directResponseFields,
  mirrorFields,
  redirectFields,
  routeActionFields,
  routeConfigurationFields,
  routeFields,
  virtualHostFields,
} from './fields/route-fields.ts';
import { readRuntimePercent } from './fraction.ts';
import { headersKey, noHeaderChanges, type RouteHeaderChanges, readHeaderChanges } from './header-changes.ts';
import { readFilterOverrides } from './http-filters.ts';
import type { MessageReader } from './message-reader.ts';
import type {
  FilterEffect,
  RetryModel,
  RouteConfigurationModel,
  RouteModel,
  Translation,
  VirtualHostModel,
} from './model.ts';
import { quoted } from './notes.ts';
import { readPathChange } from './path-rewrite.ts';
import { readRetryPolicy } from './retry.ts';
import { readAction } from './route-action.ts';
import { type MatchModel, readMatch } from './route-match.ts';
import { definedKeys, type ReferenceSet, type TranslatedResource, translation } from './translation.ts';

/** Routes of one route configuration: each is compiled, and a listener may have 10,000 of them. */
export const routesMax = 10_000;

/** Translates a RouteConfiguration. It applies as a whole: one route that is not supported refuses all. */
export function translateRoute(resource: TranslatedResource): Translation<RouteConfigurationModel> {
  return translation(resource, routeConfigurationFields, readRouteConfiguration);
}

/** What routes take from the virtual host and the route configuration around them. */
interface Surrounding {
  readonly retry: RetryModel | null;
  readonly mirrors: RouteModel['mirror'];
  readonly filters: ReadonlyMap<string, FilterEffect>;
  readonly levels: readonly MessageReader[];
  /** Whether the changes of the route apply last, so that they win. */
  readonly routeWins: boolean;
}

export function readRouteConfiguration(
  reader: MessageReader,
  references: ReferenceSet,
): RouteConfigurationModel {
  const filters = new Map<string, FilterEffect>();
  readFilterOverrides(reader, filters);
  const around: Surrounding = {
    retry: null,
    mirrors: readMirror(reader, references),
    filters,
    levels: [reader],
    routeWins: reader.flag('most_specific_header_mutations_wins') === true,
  };
  const hosts = reader
    .messages('virtual_hosts', virtualHostFields)
    .map((host) => readVirtualHost(host, around, references));
  const count = hosts.reduce((sum, { routes }) => sum + routes.length, 0);
  if (count > routesMax)
    reader.problem('virtual_hosts', `has ${count} routes, of ${routesMax} at most; split the configuration`);
  checkDomains(reader, hosts);
  return { name: reader.text('name'), hosts };
}

/** A domain leads to one virtual host. */
function checkDomains(reader: MessageReader, hosts: readonly VirtualHostModel[]): void {
  const seen = new Set<string>();
  hosts.forEach(({ domains }, i) => {
    domains.forEach((domain, j) => {
      const key = domain.toLowerCase();
      if (seen.has(key))
        reader.problem(
          `virtual_hosts[${i}].domains[${j}]`,
          `${quoted(domain)} is in the route configuration twice; send it once`,
        );
      seen.add(key);
    });
  });
}

function readVirtualHost(
  reader: MessageReader,
  around: Surrounding,
  references: ReferenceSet,
): VirtualHostModel {
  const filters = new Map(around.filters);
  readFilterOverrides(reader, filters);
  const own: Surrounding = {
    ...around,
    retry: readRetryPolicy(reader),
    mirrors: readMirror(reader, references) ?? around.mirrors,
    filters,
    levels: [...around.levels, reader],
  };
  const domains = reader.texts('domains');
  if (domains.length === 0) reader.problem('domains', 'is empty; send "*" for every authority');
  domains.forEach((domain, i) => {
    if (domain !== '*' && domain.replace(/^\*\./, '').includes('*'))
      reader.problem(`domains[${i}]`, `${quoted(domain)} is not supported; send a name, *.suffix or *`);
  });
  const routes = reader
    .messages('routes', routeFields)
    .flatMap((route) => readRoute(route, own, references) ?? []);
  return { name: reader.text('name'), path: reader.path, domains, routes };
}

/** null for a route that never matches. */
function readRoute(reader: MessageReader, around: Surrounding, references: ReferenceSet): RouteModel | null {
  const match = readMatch(reader);
  const filters = new Map(around.filters);
  readFilterOverrides(reader, filters);
  const headers = noHeaderChanges();
  const levels = [...around.levels, reader];
  for (const level of around.routeWins ? levels : levels.reverse()) readHeaderChanges(level, headers);
  const actionReader = reader.message('route', routeActionFields);
  const redirect = reader.message('redirect', redirectFields);
  const direct = reader.message('direct_response', directResponseFields);
  const base = {
    name: reader.text('name'),
    path: reader.path,
    match: match.match ?? {},
    filters,
    takesAll: match.takesAll,
  };
  if (actionReader !== undefined) {
    const action = readAction(actionReader, match, references);
    const model: RouteModel = {
      ...base,
      ...action,
      keys: definedKeys({ ...action.keys, headers: headersKey(headers) }),
      retry: actionReader.has('retry_policy') ? action.retry : around.retry,
      mirror: readMirror(actionReader, references) ?? around.mirrors,
    };
    return match.match === null ? null : model;
  }
  const reply = readReply(reader, redirect, direct, match, headers);
  return match.match === null ? null : { ...base, ...withoutCluster, keys: reply };
}

const withoutCluster = { targets: [], mirror: null, hash: [], timeoutMs: { http: 0, grpc: 0 }, retry: null };

function readReply(
  route: MessageReader,
  redirect: MessageReader | undefined,
  direct: MessageReader | undefined,
  match: MatchModel,
  headers: RouteHeaderChanges,
): JsonObject {
  const reply = headersKey({ ...noHeaderChanges(), reply: headers.reply });
  if (redirect !== undefined) return definedKeys({ redirect: readRedirect(redirect, match), headers: reply });
  if (direct !== undefined) return definedKeys({ respond: readDirectResponse(direct), headers: reply });
  route.problem('', 'has no action; send route, redirect or direct_response');
  return {};
}

const redirectStatuses: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

function readRedirect(reader: MessageReader, match: MatchModel): JsonObject {
  const path = reader.text('path_redirect');
  const [target, query] = path.split('?');
  if (query !== undefined)
    reader.problem('path_redirect', 'has a query, which Outrigger takes from the request; remove it');
  const scheme = reader.flag('https_redirect') === true ? 'https' : reader.text('scheme_redirect');
  const port = reader.number('port_redirect') ?? 0;
  return definedKeys({
    status: redirectStatuses[reader.text('response_code') || 'MOVED_PERMANENTLY'],
    scheme: scheme === '' ? undefined : scheme,
    host: reader.text('host_redirect') || undefined,
    port: port === 0 ? undefined : port,
    keepQuery: reader.flag('strip_query') === true ? false : undefined,
    ...(target === '' ? readPathChange(reader, match) : { path: target }),
  });
}

function readDirectResponse(reader: MessageReader): JsonObject {
  const status = reader.number('status') ?? 0;
  const body = reader.message('body', dataSourceFields);
  const inline = body?.text('inline_string') ?? '';
  const bytes = Buffer.from(body?.text('inline_bytes') ?? '', 'base64').toString('utf8');
  if (body?.has('filename') === true) body.problem('filename', 'is not supported; send the body inline');
  if (status < 200 || status > 599) reader.problem('status', `${status} is not a status from 200 to 599`);
  const text = inline || bytes;
  return { status, ...(text === '' ? {} : { body: text }) };
}

/** The first mirror of a route, a virtual host or a route configuration. */
function readMirror(reader: MessageReader, references: ReferenceSet): RouteModel['mirror'] {
  const [first, second] = reader.messages('request_mirror_policies', mirrorFields);
  if (second !== undefined) reader.warning('request_mirror_policies', 'only the first mirror gets requests');
  if (first === undefined) return null;
  const cluster = first.text('cluster');
  if (cluster === '') first.problem('cluster', 'is missing; send the name of a cluster');
  const percent = readRuntimePercent(first, 'runtime_fraction') ?? 100;
  if (percent === 0) return null;
  references.clusters.add(cluster);
  return { cluster, percent };
}
