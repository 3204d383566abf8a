import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseArguments } from '../../../../src/cli/arguments.ts';
import { minimal } from '../../config/support.ts';
import { runCommand } from '../support.ts';

describe('cli/inject', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'outrigger-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  const pod = 'kind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n    - name: x\n';

  it('writes the manifests to standard output, and what it did to standard error', async () => {
    const { code, out, err } = await runCommand(['inject', file('pod.yaml', pod), '--image', 'i']);
    expect([code, err]).to.deep.equal([0, 'pod/x: sidecar added\n']);
    expect(out).to.include('image: i');
    const back = await runCommand(['inject', '--remove', file('with.yaml', out)]);
    expect(back).to.deep.equal({ code: 0, out: pod, err: 'pod/x: sidecar removed\n' });
  });

  it('reads standard input, which may be a socket', () => {
    const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));
    const run = (argv: readonly string[], input: string) =>
      execFileSync(process.execPath, [main, 'inject', ...argv], { input, encoding: 'utf8', stdio: 'pipe' });
    const out = run(['--image', 'i'], pod);
    expect(out).to.include('image: i');
    expect(run(['--remove', '-'], out)).to.equal(pod);
  });

  it('puts the configuration into the ConfigMap as it is written, once it is valid', async () => {
    const config = file('outrigger.yaml', `# Ours.\n${minimal()}`);
    const flags = ['--image', 'i', '--config', config, '--config-map', 'x-outrigger'];
    const { out } = await runCommand(['inject', file('pod.yaml', pod), ...flags]);
    expect(out).to.match(/^apiVersion: v1\nkind: ConfigMap\nmetadata:\n {2}name: x-outrigger\n/);
    expect(out).to.match(/outrigger\.yaml: \|\+?\n {4}# Ours\.\n/);
    expect(out).to.include('configMap:\n        name: x-outrigger');
    const wrong = file('wrong.yaml', minimal({ more: 'log: { level: loud }' }));
    const refused = await runCommand(['inject', file('pod.yaml', pod), '--image', 'i', '--config', wrong]);
    expect([refused.code, refused.out]).to.deep.equal([2, '']);
    expect(refused.err).to.match(/log\.level: .*\n.*wrong\.yaml has 1 problem\n$/);
  });

  it('lets the kubelet reach the probes of a pod that has IPv6 only', async () => {
    for (const host of ['::', '[::]']) {
      const { out } = await runCommand(['inject', file('pod.yaml', pod), '--image', 'i', '--host', host]);
      expect(out).to.include('value: "[::]:15020"');
    }
  });

  it('lets the preStop hook ask the admin address of the configuration', async () => {
    const hookOf = async (admin: string): Promise<string | undefined> => {
      const config = file('admin.yaml', minimal({ more: `admin: { listen: "${admin}" }` }));
      const argv = ['inject', file('pod.yaml', pod), '--image', 'i', '--config', config];
      const { out } = await runCommand(argv, { OUTRIGGER_ADMIN: '127.0.0.1:7' });
      return /command:\n((?: +- .*\n)+)/.exec(out)?.[1].replaceAll(/\s+- /g, ' ').trim();
    };
    expect(await hookOf('127.0.0.1:15000')).to.equal('outrigger drain --inbound');
    expect(await hookOf('127.0.0.1:16000')).to.equal('outrigger drain --inbound --admin 127.0.0.1:16000');
    expect(await hookOf('unix:/run/admin')).to.equal('outrigger drain --inbound --admin unix:/run/admin');
  });

  it('compares the grace period of the pod with the drain of the configuration', async () => {
    const errOf = async (drain: string, podSpec = ''): Promise<string> => {
      const config = file('drain.yaml', minimal({ more: `drain: ${drain}` }));
      const argv = ['inject', file('pod.yaml', pod + podSpec), '--image', 'i', '--config', config];
      return (await runCommand(argv)).err;
    };
    expect(await errOf('{ delay: 5s, grace: 20s }')).to.equal('pod/x: sidecar added\n');
    expect(await errOf('{ delay: 5s, grace: 25s }')).to.match(
      /\nwarning: pod\/x: terminationGracePeriodSeconds is 30, and a drain takes up to 30 s; raise it/,
    );
    const raised = '  terminationGracePeriodSeconds: 31\n';
    expect(await errOf('{ delay: 5s, grace: 25s }', raised)).to.equal('pod/x: sidecar added\n');
  });

  describe('a configuration that discovers Services of Kubernetes', () => {
    const inject = async (podSpec: string, discovery: string) => {
      const clusters = `clusters: [{ name: c, discovery: ${discovery} }]`;
      const listeners =
        'listeners: [{ name: l, listen: "127.0.0.1:15001", routes: [{ name: r, cluster: c }] }]';
      const config = file('discovers.yaml', `${listeners}\n${clusters}\n`);
      const { err } = await runCommand([
        ...['inject', file('pod.yaml', `${pod}${podSpec}`), '--image', 'i'],
        ...['--config', config],
      ]);
      return err;
    };
    const kubernetes = '{ kubernetes: { service: orders, namespace: shop } }';

    it('is reported for pods without a service account of their own', async () => {
      expect(await inject('', kubernetes)).to.match(/\nwarning: pod\/x: it has no serviceAccountName, /);
    });

    it('is reported for pods without a token', async () => {
      const spec = '  serviceAccountName: x\n  automountServiceAccountToken: false\n';
      expect(await inject(spec, kubernetes)).to.match(
        /\nwarning: pod\/x: automountServiceAccountToken is false/,
      );
    });

    it('is fine with a service account, and so is DNS without one', async () => {
      expect(await inject('  serviceAccountName: x\n', kubernetes)).to.equal('pod/x: sidecar added\n');
      expect(await inject('', '{ dns: { host: orders, port: 80 } }')).to.equal('pod/x: sidecar added\n');
    });
  });

  it('says so when there is nothing to change, and keeps the text', async () => {
    const service = 'kind: Service\n';
    const { code, out, err } = await runCommand(['inject', file('s.yaml', service), '--image', 'i']);
    expect([code, out]).to.deep.equal([0, service]);
    expect(err).to.match(/s\.yaml: nothing to change: no Deployment or other workload/);
  });

  it('writes no manifest where one is wrong', async () => {
    const { code, out, err } = await runCommand([
      'inject',
      file('w.yaml', `${pod}---\na: [\n`),
      '--image',
      'i',
    ]);
    expect([code, out]).to.deep.equal([2, '']);
    expect(err).to.match(/w\.yaml: line 8, column 4: /);
    const missing = await runCommand(['inject', join(folder, 'none.yaml'), '--image', 'i']);
    expect([missing.code, missing.err]).to.deep.equal([
      2,
      `${join(folder, 'none.yaml')} does not exist; write the path of a file that does\n`,
    ]);
  });

  const wrongArguments: Record<string, [string[], RegExp]> = {
    'no image': [['f.yaml'], /--image is missing; write the image of the sidecar/],
    'a host that is a name': [
      ['f.yaml', '--image', 'i', '--host', 'localhost'],
      /--host: "localhost" is no IP address; write 0\.0\.0\.0, or ::/,
    ],
    'an image to remove': [
      ['--remove', '--image', 'i'],
      /--remove takes none of --image, --config and --host/,
    ],
    'a name that is none': [
      ['--image', 'i', '--config-map', 'A b'],
      /"A b" is no name of a Kubernetes object/,
    ],
  };
  for (const [name, [argv, problem]] of Object.entries(wrongArguments)) {
    it(`refuses ${name}`, () => {
      expect(parseArguments(['inject', ...argv]).error).to.match(problem);
    });
  }
});
