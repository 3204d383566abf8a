import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Program, startProgram } from '../support/sidecar.ts';
import { rig } from './rig.ts';

describe('a wrong command line or configuration', () => {
  const { defer } = rig();

  function program(args: readonly string[], env: Record<string, string> = {}): Program {
    const running = startProgram(args, env);
    defer(() => running.signal('SIGKILL'));
    return running;
  }
  function file(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'outrigger.yaml');
    writeFileSync(path, text);
    return path;
  }
  async function listeningServer(): Promise<Server> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => new Promise((resolve) => server.close(resolve)));
    return server;
  }
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  it('every problem of the file at once, by line and column, and exit code 2', async () => {
    const path = file(`listeners:
  - name: in
    listen: 127.0.0.1
    routs: []
clusters:
  - name: greeter
    endpoints:
      - address: "127.0.0.1"
      - { address: 127.0.0.1:50051, weight: -1 }
`);
    const running = program(['run', '--config', path]);
    expect(await running.exit).to.equal(2);
    const lines = running.stderr.trim().split('\n');
    expect(lines.find((line) => line.includes(':3:13 listeners[0].listen: "127.0.0.1" has no port'))).to.be.a(
      'string',
    );
    expect(lines.find((line) => /:4:5 .*routs.*routes/.test(line))).to.be.a('string');
    expect(
      lines.find((line) => /:8:18 clusters\[0\]\.endpoints\[0\]\.address: .* has no port/.test(line)),
    ).to.be.a('string');
    expect(lines.find((line) => /:9:45 clusters\[0\]\.endpoints\[1\]\.weight/.test(line))).to.be.a('string');
    expect(running.stdout).to.equal('');
  });

  it('a file that is no YAML, or is not there', async () => {
    const broken = program(['run', '--config', file('listeners: [')]);
    const missing = program(['run', '--config', '/nonexistent/outrigger.yaml']);
    expect(await broken.exit).to.equal(2);
    expect(broken.stderr).to.match(
      /outrigger\.yaml:1:12: the "\[" here is never closed; write "\]" where it ends/,
    );
    expect(await missing.exit).to.equal(2);
    expect(missing.stderr).to.contain('/nonexistent/outrigger.yaml');
  });

  it('an unknown command or flag: exit code 2 and the nearest that there is', async () => {
    const command = program(['rum']);
    const flag = program(['run', '--frm', '127.0.0.1:1']);
    expect(await command.exit).to.equal(2);
    expect(command.stderr).to.contain('run');
    expect(await flag.exit).to.equal(2);
    expect(flag.stderr).to.contain('--from');
  });

  it('a listener whose port is in use: a sentence with the fix, and exit code 1', async () => {
    const port = portOf(await listeningServer());
    const running = program([
      ...['run', '--from', `127.0.0.1:${port}`, '--to', '127.0.0.1:1', '--admin', '127.0.0.1:0'],
    ]);
    expect(await running.exit).to.equal(1);
    expect(running.stderr).to.match(
      new RegExp(
        `error cannot start: --from: listener outbound cannot listen on 127\\.0\\.0\\.1:${port}: the address is in use; stop what listens there or choose another port`,
      ),
    );
  });

  it('an admin port in use: the same', async () => {
    const port = portOf(await listeningServer());
    const running = program([
      ...['run', '--from', '127.0.0.1:0', '--to', '127.0.0.1:1', '--admin', `127.0.0.1:${port}`],
    ]);
    expect(await running.exit).to.equal(1);
    expect(running.stderr.trim().split('\n').at(-1)).to.contain(
      `cannot start: --admin: the admin server cannot listen on 127.0.0.1:${port}: the address is in use; stop what listens there or choose another port`,
    );
  });

  it('a port below 1024 without the right to it: place, capability and exit code 1', async function () {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
    // The superuser and a container that lets everybody bind every port never see the error.
    if (process.getuid?.() === 0 || first <= 80) this.skip();
    const path = file(`listeners:
  - name: web
    listen: 127.0.0.1:80
    routes: [{ name: all, cluster: greeter }]
clusters:
  - { name: greeter, endpoints: [{ address: 127.0.0.1:1 }] }
admin: { listen: 127.0.0.1:0 }
`);
    const running = program(['run', '--config', path]);
    expect(await running.exit).to.equal(1);
    expect(running.stderr).to.contain(
      `cannot start: ${path}:3:13 listeners[0].listen: listener web cannot listen on 127.0.0.1:80: a port below 1024 requires the capability CAP_NET_BIND_SERVICE`,
    );
  });
});
