import { expect } from 'chai';
import fc from 'fast-check';
import { isJsonObject, type Json, type JsonObject } from '../../../../src/reflection/json.ts';
import type { AssembleInput } from '../../../../src/xds/translate/assemble.ts';
import { assemble } from '../../../../src/xds/translate/assemble.ts';
import { translateCluster } from '../../../../src/xds/translate/cluster.ts';
import { endpointsOf } from '../../../../src/xds/translate/endpoints.ts';
import { translateListener } from '../../../../src/xds/translate/listener.ts';
import type { Translation } from '../../../../src/xds/translate/model.ts';
import { translateRoute } from '../../../../src/xds/translate/route.ts';
import { translateSecret } from '../../../../src/xds/translate/secret.ts';
import { settle } from '../../../../src/xds/translate/settle.ts';
import type { TranslatedResource } from '../../../../src/xds/translate/translation.ts';
import { assignment, corpus } from './corpus/all.ts';
import { checkAssembly, resourceOf } from './support.ts';

const translators = {
  listener: translateListener,
  route: translateRoute,
  cluster: translateCluster,
  endpoint: endpointsOf,
  secret: translateSecret,
} as const;
type Kind = keyof typeof translators;

function translate(resource: TranslatedResource): Translation<unknown> {
  return translators[resource.kind](resource) as Translation<unknown>;
}

/** All resources of the corpus, as they arrive. */
const resources: TranslatedResource[] = Object.values(corpus).flatMap((set) => [
  ...(set.listeners ?? []).map((json) => resourceOf('listener', json)),
  ...(set.routes ?? []).map((json) => resourceOf('route', json)),
  ...(set.clusters ?? []).map((json) => resourceOf('cluster', json)),
  ...(set.secrets ?? []).map((json) => resourceOf('secret', json)),
]);
resources.push(resourceOf('endpoint', assignment));

/** Paths of all values in a JSON. */
function pathsOf(json: Json, at: ReadonlyArray<string | number> = []): Array<ReadonlyArray<string | number>> {
  const inside = Array.isArray(json)
    ? json.flatMap((one, i) => pathsOf(one, [...at, i]))
    : isJsonObject(json)
      ? Object.entries(json).flatMap(([key, one]) => pathsOf(one, [...at, key]))
      : [];
  return [...(at.length === 0 ? [] : [at]), ...inside];
}

/** The same with another value at a path; undefined removes it. */
function changed(json: Json, [key, ...rest]: ReadonlyArray<string | number>, value: Json | undefined): Json {
  if (Array.isArray(json)) {
    const copy = [...json];
    if (rest.length > 0) copy[key as number] = changed(json[key as number], rest, value);
    else if (value === undefined) copy.splice(key as number, 1);
    else copy[key as number] = value;
    return copy;
  }
  const copy: Record<string, Json> = { ...(json as JsonObject) };
  if (rest.length > 0) copy[key] = changed(copy[key], rest, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

const odd = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  fc.constantFrom<Json>(
    '',
    '/',
    '*',
    '$' + '{HOME}',
    '{client',
    '%REQ(x)%',
    '%',
    -1,
    0,
    1e300,
    '99999999999s',
    '-5s',
    '4294967295',
    [],
    {},
    true,
  ),
  fc.string({ maxLength: 80 }),
);

/** A resource of the corpus with a few values replaced or removed. */
const mutated = fc
  .record({
    resource: fc.constantFrom(...resources),
    changes: fc.array(fc.tuple(fc.nat(), odd), { minLength: 0, maxLength: 4 }),
  })
  .map(({ resource, changes }) => {
    let { message } = resource;
    for (const [at, value] of changes) {
      const paths = pathsOf(message);
      if (paths.length > 0) message = changed(message, paths[at % paths.length], value) as JsonObject;
    }
    return { ...resource, message };
  });

describe('xds/translate of any resource', () => {
  it('never throws for any JSON, and gives a value or problems', () => {
    const kinds = fc.constantFrom(...(Object.keys(translators) as Kind[]));
    fc.assert(
      fc.property(kinds, fc.jsonValue({ maxDepth: 4 }), (kind, json) => {
        const result = translate({ kind, name: 'x', message: json as JsonObject });
        expect(result.problems === undefined).to.equal(result.value !== undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a resource as a whole, with the path of each problem, or gives what the configuration accepts', () => {
    fc.assert(
      fc.property(fc.array(mutated, { minLength: 1, maxLength: 40 }), (list) => {
        const maps = {
          listener: new Map(),
          route: new Map(),
          cluster: new Map(),
          endpoint: new Map(),
          secret: new Map(),
        };
        for (const resource of list) {
          const result = translate(resource);
          if (result.problems === undefined) maps[resource.kind].set(resource.name, result.value);
          else for (const { name, message } of result.problems) expect([name, message]).to.not.include('');
        }
        const input: AssembleInput = {
          listeners: maps.listener,
          routes: maps.route,
          clusters: maps.cluster,
          secrets: maps.secret,
          addresses: new Map([...maps.listener.keys()].map((name, i) => [name, `127.0.0.1:${2000 + i}`])),
          storePem: (_text, part) => `/run/${part}.pem`,
        };
        const { assembly, others } = settle(input, checkAssembly);
        expect(others).to.deep.equal([]);
        expect(checkAssembly(assembly)).to.deep.equal([]);
        expect(assembly.problems).to.deep.equal([]);
      }),
      { numRuns: 150 },
    );
  }).timeout(60_000);

  it('gives names that are valid and unique, the same in any order of arrival', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 90 }), { minLength: 1, maxLength: 20 }), (names) => {
        const listener = translateListener(
          resourceOf('listener', corpus.goControlPlane.listeners?.[0] ?? {}),
        );
        const route = translateRoute(resourceOf('route', corpus.goControlPlane.routes?.[0] ?? {}));
        if (listener.value === undefined || route.value === undefined) throw new Error('refused');
        const { value } = listener;
        const assembled = [names, [...names].reverse()].map((order) =>
          assemble({
            listeners: new Map(order.map((name) => [name, value])),
            routes: new Map([[route.value.name, route.value]]),
            clusters: new Map(),
            secrets: new Map(),
            addresses: new Map(),
            storePem: () => '',
          }),
        );
        expect(assembled[0].listeners).to.deep.equal(assembled[1].listeners);
        const given = assembled[0].listeners.map(({ name }) => String(name));
        expect(new Set(given).size).to.equal(names.length);
        for (const name of given) expect(name).to.match(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/);
      }),
      { numRuns: 100 },
    );
  });
});
