import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type DemoDeps, runDemo } from '../../../../src/cli/demo/demo.ts';
import { parseAddress } from '../../../../src/core/address.ts';
import { judgesRealTime } from '../../../support/real-time.ts';

const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));

interface Seen {
  config: {
    admin: { listen: string };
    clusters: Array<{ endpoints: Array<{ address: string; weight: number }> }>;
  };
  text: string;
  stopped: number;
}

/** A "sidecar" that is the second replica itself: what an L4 balancer would do to this client. */
function deps(env: DemoDeps['env'], interruptAt?: RegExp): { deps: DemoDeps; seen: Seen } {
  const seen = { text: '', stopped: 0 } as Seen;
  let interrupt = () => {};
  return {
    seen,
    deps: {
      env,
      startSidecar: async (config) => {
        seen.config = config as unknown as Seen['config'];
        const address = parseAddress(seen.config.clusters[0].endpoints[1].address).value;
        if (address === undefined) throw new Error('no address');
        return {
          listenerAddress: () => address,
          adminUrl: 'http://127.0.0.1:15000',
          stop: async () => {
            seen.stopped++;
            return { cut: 0, finished: 0 };
          },
        };
      },
      stdout: {
        write: (text: string) => {
          seen.text += text;
          if (interruptAt?.test(text)) interrupt();
        },
      },
      onInterrupt: (interrupted) => {
        interrupt = interrupted;
      },
    },
  };
}

describe('the demo', function () {
  judgesRealTime(this, 'four programs have to start, print each second and end in time');
  it('starts three replicas and a load, prints each second, ends by itself with a summary and 0', async () => {
    const { deps: given, seen } = deps({ DEMO_SECONDS: '1', DEMO_RATE: '100' });
    expect(await runDemo(given), seen.text).to.equal(0);
    expect(seen.config.clusters[0].endpoints.map(({ weight }) => weight)).to.deep.equal([1, 2, 1]);
    expect(seen.text).to.match(/live page {3}http:\/\/127\.0\.0\.1:15000\//);
    expect(seen.text).to.match(/^ {7}1 +\d+ +0 +[\d.]+ ms +[\d.]+ ms +0\.0% +100\.0% +0\.0%$/m);
    expect(seen.text).to.match(/Summary: \d+ calls over one connection, none failed/);
    expect(seen.text).to.match(/^ {2}b +50\.0% +100\.0%/m);
    expect(seen.stopped).to.equal(1);
  });

  it('takes the seconds and the admin address of the command line before the environment', async () => {
    const { deps: given, seen } = deps({ DEMO_SECONDS: '1000', DEMO_RATE: '20' });
    expect(await runDemo({ ...given, seconds: 1, admin: '127.0.0.1:4711' })).to.equal(0);
    expect(seen.config.admin.listen).to.equal('127.0.0.1:4711');
  });

  it('ends at Ctrl-C with the same summary', async () => {
    const { deps: given, seen } = deps({ DEMO_RATE: '50' }, /^ {7}1 /);
    expect(await runDemo(given), seen.text).to.equal(0);
    expect(seen.text).to.include('Summary:');
  });

  it('restarts a replica that is killed, on the same port, and ends with 0 though calls failed', async () => {
    const { deps: given, seen } = deps({ DEMO_RATE: '100' });
    let interrupt = () => {};
    let killed = false;
    /** Seconds with calls of b since it is back. */
    let served = 0;
    const watching: DemoDeps = {
      ...given,
      restartAfterMs: 300,
      onInterrupt: (interrupted) => {
        interrupt = interrupted;
      },
      stdout: {
        write(text) {
          given.stdout.write(text);
          if (!killed && /^ {7}1 /.test(text)) {
            killed = true;
            process.kill(Number(/^ {2}b .*\(kill (\d+) to see/m.exec(seen.text)![1]), 'SIGKILL');
          }
          if (seen.text.includes('listens again') && / 100\.0% /.test(text) && ++served === 1) interrupt();
        },
      },
    };
    expect(await runDemo(watching), seen.text).to.equal(0);
    expect(seen.text).to.include('A replica that you kill is restarted on the same port after 0.3 s.');
    expect(seen.text).to.match(/^ {2}── replica b ended \(SIGKILL\): .*; restart in 0\.3 s$/m);
    expect(seen.text).to.match(/^ {2}── replica b listens again \(PID \d+\)/m);
    expect(seen.text).to.match(/Replicas ended 1 time and were restarted\./);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends with a summary and 0 where its whole process group gets ${signal}, as from a terminal or a supervisor`, async () => {
      const demo = spawn(process.execPath, [main, 'demo'], {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const group = -(demo.pid ?? Number.NaN);
      let text = '';
      let told = false;
      demo.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (told || !/^ {7}1 /m.test(text)) return;
        told = true;
        process.kill(group, signal);
      });
      const [code] = await once(demo, 'close');
      expect(text).to.match(/Summary: \d+ calls over one connection, none failed/);
      expect(text).not.to.include('ended (');
      expect(code).to.equal(0);
    });
  }

  it('gives 1 when calls fail, and says how they failed', async () => {
    const { deps: given, seen } = deps({ DEMO_SECONDS: '1', DEMO_RATE: '20' });
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as { port: number };
    nobody.close();
    await once(nobody, 'close');
    const failing: DemoDeps = {
      ...given,
      startSidecar: async (config) => ({
        ...(await given.startSidecar(config)),
        listenerAddress: () => ({ kind: 'tcp', host: '127.0.0.1', port }),
      }),
    };
    expect(await runDemo(failing)).to.equal(1);
    expect(seen.text).to.match(/calls over one connection, \d+ failed, for instance with UNAVAILABLE/);
  });

  it('gives 1 and the reason when the sidecar does not start', async () => {
    const { deps: given, seen } = deps({});
    const refused = { ...given, startSidecar: () => Promise.reject(new Error('no such thing')) };
    expect(await runDemo(refused)).to.equal(1);
    expect(seen.text).to.include('The demo could not run: no such thing');
  });

  it('takes free ports, and says so, where the documented ones are taken', async () => {
    const holder = createServer();
    const held = await new Promise<boolean>((resolve) => {
      holder.once('error', () => resolve(false)); // somebody else holds it: as good
      holder.listen(15000, '127.0.0.1', () => resolve(true));
    });
    const { deps: given, seen } = deps({ DEMO_SECONDS: '1', DEMO_RATE: '20' });
    expect(await runDemo(given)).to.equal(0);
    if (held) holder.close();
    expect(seen.config.admin.listen).to.equal('127.0.0.1:0');
    expect(seen.text).to.include('Port 15000 is taken');
  });

  it('refuses settings that are no numbers, with 2', async () => {
    for (const env of [
      { DEMO_SECONDS: 'soon' },
      { DEMO_SECONDS: '-1' },
      { DEMO_RATE: '0' },
      { DEMO_RATE: '1e9' },
    ]) {
      const { deps: given, seen } = deps(env);
      expect(await runDemo(given)).to.equal(2);
      expect(seen.text).to.match(/^DEMO_(SECONDS|RATE) is ".*"; write /);
    }
  });
});
