import { expect } from 'chai';
import type { ReloadOutcome } from '../../../../src/admin/deps.ts';
import type { PushedLists } from '../../../../src/config/pushed.ts';
import { VirtualClock } from '../../../../src/core/clock.ts';
import { ControlPlane } from '../../../../src/runtime/control-plane/control-plane.ts';
import { placeOfName } from '../../../../src/schema/problem.ts';
import type { ControlPlaneStatus, ResourceUpdate } from '../../../../src/xds/client/interface.ts';
import type { ResourceProblem } from '../../../../src/xds/resource.ts';
import { resourceOf } from '../../xds/translate/support.ts';

const connected = { server: 'plane:1', connected: true, lastError: '' } as ControlPlaneStatus;

/** A listener `out` on a port, with its routes in it. */
function listener(port: number): ResourceUpdate {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'out',
    route_config: {
      name: 'own',
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'greeter' } }] },
      ],
    },
  };
  const json = {
    name: 'out',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
  const resource = { ...resourceOf('listener', json), version: '1', bytes: 1 };
  return { kind: 'listener', changed: [resource], removed: [], complete: true };
}

/** A control plane over a reloader that is held at its end, one reload after the other. */
function rig() {
  const clock = new VirtualClock();
  const state = {
    runs: '',
    fileProblem: '',
    failing: undefined as ReloadOutcome | undefined,
    fileListeners: new Set<string>(),
    draining: false,
    reloads: 0,
    checks: 0,
    names: [] as string[],
  };
  let last: Promise<unknown> = Promise.resolve();
  const held: Array<() => void> = [];
  let judge: (update: ResourceUpdate) => readonly ResourceProblem[] = () => [];
  const once = async (): Promise<ReloadOutcome> => {
    state.reloads++;
    const lists = plane.beginReload();
    await new Promise<void>((resolve) => held.push(resolve));
    const outcome: ReloadOutcome =
      state.fileProblem === ''
        ? (state.failing ?? { ok: true, version: 1, changes: [], warnings: [] })
        : { ok: false, version: 1, problems: [state.fileProblem] };
    if (outcome.ok) {
      state.runs = portsOf(lists);
      state.names = lists.listeners.map((one) => (one as { name: string }).name);
    }
    plane.endReload(outcome);
    return outcome;
  };
  const reload = (): Promise<ReloadOutcome> => {
    const next = last.then(once);
    last = next;
    return next;
  };
  const plane = new ControlPlane(
    {
      clock,
      addresses: new Map(),
      reserved: () => ({ listeners: new Set(state.fileListeners), clusters: new Set() }),
      isDraining: () => state.draining,
      check: () => {
        state.checks++;
        return state.fileProblem === ''
          ? []
          : [{ ...placeOfName('outrigger.yaml'), path: 'log.level', message: state.fileProblem }];
      },
      reload,
    },
    (given) => {
      judge = given;
      return { start: () => {}, stop: () => {}, subscribe: () => {}, status: connected };
    },
  );
  return {
    plane,
    state,
    /** Sends a response that changes nothing, with the names of the resources before. */
    repeat: (): void => void judge({ kind: 'listener', changed: [], removed: [], complete: true }),
    /** Lets time pass, and the reloads begin that are due. */
    wait: async (ms: number): Promise<void> => {
      clock.advance(ms);
      await turns();
    },
    reload,
    /** Sends the listener on a port, and lets the reload begin. */
    push: async (port: number): Promise<void> => {
      judge(listener(port));
      clock.advance(0);
      await turns();
    },
    /** Lets the reload that runs end. */
    finish: async (): Promise<void> => {
      held.shift()?.();
      await turns();
      clock.advance(0);
      await turns();
    },
  };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function portsOf({ listeners }: PushedLists): string {
  return listeners.map((one) => (one as { listen: string }).listen.split(':')[1]).join();
}

describe('runtime/control-plane', () => {
  it('runs what was sent last, also where it goes back while a reload is on its way', async () => {
    const { push, finish, state } = rig();
    await push(1001);
    await push(1002);
    await finish();
    expect(state.runs).to.equal('1001');
    // The reload to 1002 is on its way.
    await push(1001);
    await finish();
    await finish();
    expect(state.runs).to.equal('1001');
  });

  it('makes no reload of what runs already', async () => {
    const { push, finish, state } = rig();
    await push(1001);
    await finish();
    state.runs = 'as before';
    await push(1001);
    await finish();
    expect(state.runs).to.equal('as before');
  });

  it('checks the configuration once, however often the same comes', async () => {
    const { push, repeat, finish, state } = rig();
    await push(1001);
    await finish();
    const { checks } = state;
    repeat();
    await push(1001);
    expect(state.checks).to.equal(checks);
    await push(1002);
    expect(state.checks).to.equal(checks + 1);
    await finish();
    expect(state.runs).to.equal('1002');
  });

  it('goes back to what ran before, although the reload that was refused is repeated by hand', async () => {
    const { push, finish, state, reload } = rig();
    await push(1001);
    await finish();
    state.failing = { ok: false, version: 1, problems: ['no memory'] };
    await push(1002);
    await finish();
    state.failing = undefined;
    void reload();
    await turns();
    await finish();
    expect(state.runs).to.equal('1002');
    await push(1001);
    await finish();
    expect(state.runs).to.equal('1001');
  });

  it('applies what came while the file was wrong with the next reload of the file, and is ready then', async () => {
    const { push, finish, state, reload, plane } = rig();
    state.fileProblem = 'is wrong';
    await push(1001);
    await finish();
    expect(plane.notReadyBecause).to.equal('the configuration of the control plane was refused: is wrong');
    state.fileProblem = '';
    void reload();
    await turns();
    await finish();
    expect(state.runs).to.equal('1001');
    expect({ reason: plane.notReadyBecause, refused: plane.status.refused }).to.deep.equal({
      reason: '',
      refused: '',
    });
  });

  it('says that it is not ready because its listeners cannot be opened', async () => {
    const { push, finish, state, plane } = rig();
    state.failing = { ok: false, version: 1, problems: ['1001 is in use'], unboundListener: 'out' };
    await push(1001);
    await finish();
    state.failing = undefined;
    await finish();
    expect(state.runs).to.equal('');
    expect(plane.notReadyBecause).to.equal('no listener of the control plane is open: out: 1001 is in use');
  });

  it('binds a listener again that could not be bound, with increasing intervals, until it can', async () => {
    const { push, finish, wait, state, plane } = rig();
    state.failing = { ok: false, version: 1, problems: ['1001 is in use'], unboundListener: 'out' };
    await push(1001);
    await finish();
    state.failing = undefined;
    await finish();
    expect(plane.status.warnings.map(({ message }) => message)).to.deep.equal([
      'is not open: 1001 is in use',
    ]);
    state.failing = { ok: false, version: 1, problems: ['1001 is in use'], unboundListener: 'out' };
    const before = state.reloads;
    await wait(999);
    expect(state.reloads).to.equal(before);
    await wait(1);
    expect(state.reloads).to.equal(before + 1);
    await finish();
    state.failing = undefined;
    await wait(1_999);
    expect(state.runs).to.equal('');
    await wait(1);
    await finish();
    await finish();
    expect(state.runs).to.equal('1001');
    expect(plane.status.warnings.filter(({ message }) => /not open/.test(message))).to.deep.equal([]);
  });

  it('applies what comes during a drain once the drain was taken back', async () => {
    const { push, finish, wait, state } = rig();
    await push(1001);
    await finish();
    state.draining = true;
    await push(1002);
    await wait(5_000);
    expect([state.reloads, state.runs]).to.deep.equal([1, '1001']);
    state.draining = false;
    await wait(1_000);
    await finish();
    expect([state.reloads, state.runs]).to.deep.equal([2, '1002']);
  });

  it('gives a listener another name where the file has one of the same name since', async () => {
    const { push, finish, wait, reload, state } = rig();
    await push(1001);
    await finish();
    expect(state.names).to.deep.equal(['out']);
    state.fileListeners.add('out');
    void reload();
    await turns();
    await finish();
    expect(state.names).to.have.length(1);
    expect(state.names[0]).not.to.equal('out');
    // That was one reload, and not another one for the new name.
    await wait(1_000);
    expect(state.reloads).to.equal(2);
  });
});
