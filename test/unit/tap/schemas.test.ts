import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { DecoderThread } from '../../../src/tap/decoder-thread.ts';
import { descriptorsKeptMs, servicesMax } from '../../../src/tap/limits.ts';
import { Schemas } from '../../../src/tap/schemas.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import type { StreamOpener } from '../../../src/upstream/stream-opener.ts';

/** The names of the descriptors that a thread has, and schemas of an endpoint that describes every service at once. */
function rig() {
  const names = new Set<string>();
  let generation = 0;
  const thread = {
    get generation() {
      return generation;
    },
    async load(name: string, set: Uint8Array) {
      if (set.length === 0) return 'it has no files';
      names.add(name);
      return '';
    },
    async reflect(name: string) {
      names.add(name);
      return { question: Buffer.from('q') };
    },
    reflected: async () => ({ isComplete: true }),
    drop: (name: string) => void names.delete(name),
  } as unknown as DecoderThread;
  const endpoint = {
    address: '10.0.0.1:80',
    target: { kind: 'tcp', host: '10.0.0.1', port: 80 },
    dial: { tls: null },
    pool: {
      cancel: () => {},
      open(opener: StreamOpener) {
        const nothing = (): void => {};
        opener.opened({ head: nothing, data: nothing, consumed: nothing, reset: nothing } as never, null);
        opener.data(Buffer.alloc(5), 0, 5, false);
      },
    },
  } as unknown as Endpoint;
  const clock = new VirtualClock();
  const schemas = new Schemas(thread, clock);
  return {
    names,
    clock,
    schemas,
    service: (name: string) => schemas.reflected('c', name, endpoint),
    /** Another thread takes the place of the first. */
    restart() {
      names.clear();
      generation++;
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('tap: schemas', () => {
  it('keeps the descriptors of a service for a while, and drops them when they are replaced', async () => {
    const { names, clock, service } = rig();
    const first = await service('a.B');
    expect(await service('a.B')).to.deep.equal(first);
    for (let i = 0; i < 5; i++) {
      clock.advance(descriptorsKeptMs);
      expect((await service('a.B')).value).not.to.equal(first.value);
      await turn();
      expect([...names], 'in the thread').to.have.length(1);
    }
  });

  it('keeps the descriptors of a limited number of services', async () => {
    const { names, service } = rig();
    for (let i = 0; i < 2 * servicesMax; i++) await service(`s${i}`);
    await turn();
    expect(names.size).to.equal(servicesMax);
  });

  it('loads descriptors again in a thread that took the place of another one', async () => {
    const { names, schemas, service, restart } = rig();
    const given = schemas.given(Buffer.from('set'));
    const name = await given.name();
    await service('a.B');
    restart();
    expect(await given.name()).to.deep.equal(name);
    const reflected = await service('a.B');
    expect([...names]).to.have.members([name.value, reflected.value]);
    given.drop();
    expect([...names]).to.deep.equal([reflected.value]);
  });

  it('says why descriptors that a reader gave are not valid', async () => {
    const { schemas } = rig();
    expect(await schemas.given(Buffer.alloc(0)).name()).to.deep.equal({
      error: 'the descriptor set is not valid: it has no files',
    });
  });
});
