import { expect } from 'chai';
import { drainableOf } from '../../../src/app/drainable.ts';
import {
  type AppParts,
  activeCalls,
  connectionCounts,
  endedCalls,
  everyListener,
  notReadyBecause,
} from '../../../src/app/parts.ts';
import { callRig, grpcHead } from '../proxy/call-rig.ts';

/** Parts of an app with one listener of calls and one of TCP, of which the steps are noted. */
function setUp() {
  const rig = callRig();
  const steps: string[] = [];
  const note = (step: string) => () => void steps.push(step);
  const listener = (name: string) => ({
    connections: 2,
    undelivered: 1,
    announceShutdown: note(`${name} announce`),
    shutdown: note(`${name} shutdown`),
    close: note(`${name} close`),
  });
  const tcp = { connections: 3, drain: note('tcp drain'), close: note('tcp close') };
  const parts = {
    lifecycle: { state: 'ready' },
    running: {
      listeners: [{ listener: listener('in'), context: rig.context, tcp: null }],
      clusters: new Map([['greeter', { cluster: rig.cluster }]]),
    },
    // What a reload took away counts as well.
    leaving: {
      listeners: new Set([{ listener: listener('raw'), context: callRig().context, tcp }]),
      clusters: new Set(),
    },
    memory: { stop: note('memory stop') },
    telemetry: { shutdown: async () => void steps.push('telemetry shutdown') },
  } as unknown as AppParts;
  const admin = { address: null as never, close: async () => void steps.push('admin close') };
  return { rig, parts, steps, drainable: drainableOf(parts, () => admin) };
}

describe('the sidecar as its drain sees it', () => {
  it('sums up over its listeners; a TCP connection counts as a call', () => {
    const { rig, drainable, parts } = setUp();
    rig.call(grpcHead());
    expect(drainable).to.include({ connections: 4, activeCalls: 4, endedCalls: 0, undelivered: 2 });
    expect([activeCalls(everyListener(parts)), endedCalls(everyListener(parts))]).to.deep.equal([4, 0]);
    expect(connectionCounts(parts)).to.deep.equal({ downstream: 4, upstream: 0 });
    rig.cluster.stop();
  });

  it('cuts calls and TCP connections alike', () => {
    const { rig, drainable, steps } = setUp();
    rig.call(grpcHead());
    expect(drainable.cut()).to.equal(4);
    expect(steps).to.include('tcp close');
    expect(rig.settled[0].error).to.equal('draining');
    rig.cluster.stop();
  });

  it('closes from the outside in: listeners, clusters, telemetry, and the admin server last', async () => {
    const { drainable, steps } = setUp();
    await drainable.announce();
    drainable.refuse();
    await drainable.close();
    expect(steps).to.deep.equal([
      'in announce',
      'raw announce',
      'tcp drain',
      'in shutdown',
      'raw shutdown',
      'in close',
      'raw close',
      'memory stop',
      'telemetry shutdown',
      'admin close',
    ]);
  });
});

describe('readiness', () => {
  it('waits for the start and for each cluster, and is over with the drain', () => {
    const { parts } = setUp();
    const lifecycle = parts.lifecycle as { state: string };
    expect(notReadyBecause(parts)).to.deep.equal([]);
    lifecycle.state = 'starting';
    expect(notReadyBecause(parts)).to.deep.equal(['the listeners are not bound yet']);
    lifecycle.state = 'draining';
    expect(notReadyBecause(parts)).to.deep.equal(['draining']);
  });
});
