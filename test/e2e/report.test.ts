import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { startProgram, startSidecarProgram } from '../support/sidecar.ts';
import { runCommand } from '../unit/cli/support.ts';
import { rig } from './rig.ts';

describe('outrigger report', () => {
  const { greeter, client, defer } = rig();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-report-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** One of each kind, as it may stand in a configuration, in a request, or in what a server says. */
  const secrets = {
    adminToken: 'planted-admin-token-0001',
    probeMetadata: 'planted-probe-metadata-0002',
    matchedHeader: 'planted-matched-header-0003',
    setHeader: 'planted-set-header-0004',
    queryToken: 'planted-query-token-0005',
    requestMetadata: 'planted-request-metadata-0006',
    messageBearer: 'planted-message-bearer-0007',
    messagePassword: 'planted-message-password-0008',
    messageUrl: 'planted-message-url-0009',
    messageJwt: 'eyJwbGFudGVkIjoxfQ.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZA',
    messageKey: 'cGxhbnRlZC1wcml2YXRlLWtleQ',
  };

  async function planted(): Promise<{ readonly admin: string; readonly endpoint: string }> {
    const replica = await greeter();
    const sidecar = await startSidecarProgram({
      admin: { listen: '127.0.0.1:0', token: secrets.adminToken },
      listeners: [
        {
          name: 'outbound',
          listen: '127.0.0.1:0',
          routes: [
            {
              name: 'guarded',
              cluster: 'greeter',
              match: { headers: [{ name: 'x-api-key', exact: secrets.matchedHeader }] },
            },
            {
              name: 'all',
              cluster: 'greeter',
              headers: { request: { set: { authorization: `Bearer ${secrets.setHeader}` } } },
            },
          ],
        },
      ],
      clusters: [
        {
          name: 'greeter',
          endpoints: [{ address: replica.address }],
          health: { grpc: { metadata: { authorization: secrets.probeMetadata } } },
        },
      ],
    });
    defer(async () => {
      sidecar.signal('SIGKILL');
      await sidecar.exit;
    });
    replica.failure = {
      code: grpc.status.INTERNAL,
      details: `sent Bearer ${secrets.messageBearer}, password=${secrets.messagePassword}, db://u:${secrets.messageUrl}@h/x, ${secrets.messageJwt}`,
    };
    const caller = client(sidecar.target);
    const failed = await caller.sayHello('x', { metadata: [['authorization', secrets.requestMetadata]] });
    expect(failed.code).to.equal(grpc.status.INTERNAL);
    replica.failure = {
      code: grpc.status.INTERNAL,
      details: `-----BEGIN PRIVATE KEY-----${secrets.messageKey}-----END PRIVATE KEY-----`,
    };
    await caller.sayHello('x');
    await fetch(`http://${sidecar.target}/page?token=${secrets.queryToken}`).then((reply) => reply.text());
    return { admin: sidecar.adminUrl.replace('http://', ''), endpoint: replica.address };
  }

  function secretsIn(text: string): string[] {
    return Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));
  }

  it('writes everything to a folder that only this user may read, without any planted secret', async () => {
    const { admin, endpoint } = await planted();
    const dir = join(folder, 'bundle');
    const program = startProgram(['report', '--admin', admin, '--dir', dir]);
    expect(await program.exit, program.stderr).to.equal(0);
    expect(program.stdout).to.include(`tar czf ${dir}.tar.gz ${dir}`);
    const files = readdirSync(dir).sort();
    expect(files).to.deep.equal([
      'README.txt',
      'calls.json',
      'check.txt',
      'clusters.json',
      'config.yaml',
      'listeners.json',
      'memory.json',
      'metrics.txt',
      'ready.json',
      'routes.json',
      'server-info.json',
      'stats.json',
    ]);
    expect(statSync(dir).mode & 0o777).to.equal(0o700);
    for (const file of files) {
      const text = readFileSync(join(dir, file), 'utf8');
      expect(secretsIn(text), file).to.deep.equal([]);
      expect(statSync(join(dir, file)).mode & 0o777).to.equal(0o600);
    }
    const contents = (file: string): string => readFileSync(join(dir, file), 'utf8');
    // What helps is there: the endpoint, the failed call with the words of the server, the configuration, the metrics.
    expect(contents('clusters.json')).to.include(endpoint);
    expect(contents('calls.json')).to.include('SayHello').and.include('sent Bearer •••');
    expect(contents('config.yaml')).to.include('name: greeter').and.include('•••');
    expect(contents('metrics.txt')).to.include('# TYPE');
    expect(contents('check.txt')).to.include(`cluster greeter, ${endpoint}`);
    const again = startProgram(['report', '--admin', admin, '--dir', dir]);
    expect(await again.exit).to.equal(1);
    expect(again.stderr).to.include('exists; name another one with --dir');
  });

  it('-o json prints the same parts as one object', async () => {
    const { admin } = await planted();
    const { code, out } = await runCommand(['report', '--admin', admin, '-o', 'json']);
    expect(code).to.equal(0);
    const { parts, missing } = JSON.parse(out) as { parts: Record<string, string>; missing: object };
    expect(missing).to.deep.equal({});
    expect(Object.keys(parts)).to.include.members(['README.txt', 'config.yaml', 'metrics.txt', 'check.txt']);
    expect(secretsIn(out)).to.deep.equal([]);
  });

  it('without a sidecar it writes nothing and ends with 3', async () => {
    const dir = join(folder, 'none');
    const { code } = await runCommand(['report', '--admin', `unix:${folder}/none.sock`, '--dir', dir]);
    expect(code).to.equal(3);
    expect(readdirSync(folder)).to.deep.equal([]);
  });
});
