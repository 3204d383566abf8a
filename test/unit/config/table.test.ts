import { expect } from 'chai';
import type { Config, HealthConfig } from '../../../src/config/table.ts';
import { table } from '../../../src/config/table.ts';
import type { Address } from '../../../src/core/address.ts';
import { policies } from '../../../src/policies/list.ts';
import { propertyName, type Shape } from '../../../src/schema/shape.ts';

/** Fails to compile where the two differ. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Listener = Config['listeners'][number];
type Cluster = Config['clusters'][number];
const types: true[] = [
  true satisfies Same<
    Config['drain'],
    {
      readonly delayMs: number;
      readonly graceMs: number;
      readonly goawayDelayMs: number;
      readonly handoverMs: number | undefined;
    }
  >,
  true satisfies Same<Listener['listen'], Address>,
  true satisfies Same<Listener['protocol'], 'auto' | 'tcp' | 'udp'>,
  true satisfies Same<Listener['routes'][number]['timeoutMs'], number | undefined>,
  true satisfies Same<Cluster['balancer']['choices'], 'auto' | number>,
  true satisfies Same<Extract<HealthConfig, string>, 'none'>,
];

/** Every scalar of the table by its path. */
function scalars(shape: Shape, path: string): [string, Extract<Shape, { kind: 'scalar' }>][] {
  if (shape.kind === 'scalar') return [[path, shape]];
  if (shape.kind === 'list') return scalars(shape.item, `${path}[]`);
  return Object.entries(shape.keys).flatMap(([key, child]) => scalars(child, `${path}.${key}`));
}

describe('config/table', () => {
  it('gives the types that code sees', () => expect(types).to.not.include(false));

  it('has defaults that its own types take', () => {
    for (const [path, shape] of scalars(table, '')) {
      if (shape.default !== undefined)
        expect(shape.type.parse(shape.default).error, path).to.equal(undefined);
    }
  });

  it('says the unit of every size and duration in the name that code sees', () => {
    for (const [path, shape] of scalars(table, '')) {
      const name = propertyName(path.slice(path.lastIndexOf('.') + 1), shape);
      // A policy is called after what it does; its code takes the unit from the name of its parameter.
      const isPolicy = policies.some(({ key }) => path === `.listeners[].routes[].${key}`);
      if (shape.type.label === 'size' && !isPolicy) expect(name, path).to.match(/Bytes$/);
      if (shape.type.label === 'duration') expect(name, path).to.match(/Ms$/);
    }
  });

  it('describes every key in a sentence', () => {
    for (const [path, shape] of scalars(table, '')) expect(shape.doc, path).to.match(/^[^a-z].*[.)]$/);
  });
});
