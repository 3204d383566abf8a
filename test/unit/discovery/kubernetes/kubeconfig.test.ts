import { expect } from 'chai';
import { stringify } from 'yaml';
import type { ReadText } from '../../../../src/discovery/kubernetes/access.ts';
import { inClusterAccess, isInPod } from '../../../../src/discovery/kubernetes/in-cluster.ts';
import { kubeconfigAccess } from '../../../../src/discovery/kubernetes/kubeconfig.ts';

const pem = (what: string) => `-----BEGIN CERTIFICATE-----\n${what}\n-----END CERTIFICATE-----\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

function filesOf(files: Record<string, string>): ReadText {
  return async (path) => (path in files ? { value: files[path] } : { error: `${path} does not exist` });
}

interface Changes {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly top?: object;
}

function kubeconfig({ cluster, user, context, top }: Changes = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [
      { name: 'other', context: { cluster: 'nowhere' } },
      { name: 'main', context: { cluster: 'one', user: 'me', ...context } },
    ],
    clusters: [
      {
        name: 'one',
        cluster: {
          server: 'https://api.example:6443',
          'certificate-authority-data': base64(pem('ca')),
          ...cluster,
        },
      },
    ],
    users: [{ name: 'me', user: { token: 'secret', ...user } }],
    ...top,
  });
}

const read = (changes: Changes, files: Record<string, string> = {}) =>
  kubeconfigAccess('/etc/kube/config', filesOf({ '/etc/kube/config': kubeconfig(changes), ...files }))();

describe('a kubeconfig', () => {
  it('gives the server, CA, token and namespace of the current context', async () => {
    expect((await read({ context: { namespace: 'shop' } })).value).to.deep.equal({
      isTls: true,
      host: 'api.example',
      port: 6443,
      basePath: '',
      ca: pem('ca'),
      cert: undefined,
      key: undefined,
      serverName: undefined,
      token: 'secret',
      namespace: 'shop',
    });
    expect((await read({})).value).to.include({ namespace: 'default' });
  });

  it('may name files, from its own folder on', async () => {
    const files = {
      '/etc/kube/ca.pem': pem('ca2'),
      '/etc/kube/me.pem': pem('me'),
      '/keys/me.key': 'key',
      '/etc/kube/t': 'fresh\n',
    };
    const found = await read(
      {
        cluster: {
          'certificate-authority': 'ca.pem',
          'certificate-authority-data': undefined,
          'tls-server-name': 'kubernetes',
        },
        user: { 'client-certificate': 'me.pem', 'client-key': '/keys/me.key', tokenFile: 't' },
      },
      files,
    );
    expect(found.value).to.include({
      ca: pem('ca2'),
      cert: pem('me'),
      key: 'key',
      token: 'fresh',
      serverName: 'kubernetes',
    });
    expect((await read({ user: { tokenFile: 'gone' } })).error).to.equal(
      '/etc/kube/config: /etc/kube/gone does not exist',
    );
  });

  it('may have an address without a port, a path, or an IPv6 address', async () => {
    expect((await read({ cluster: { server: 'https://rancher.example/k8s/c-1/' } })).value).to.include({
      host: 'rancher.example',
      port: 443,
      basePath: '/k8s/c-1',
    });
    expect((await read({ cluster: { server: 'https://[fd00::1]:6443' } })).value).to.include({
      host: 'fd00::1',
    });
  });

  it('may lead to kubectl proxy on this machine, and to no other server in the clear', async () => {
    expect((await read({ cluster: { server: 'http://127.0.0.1:8001' } })).value).to.include({
      isTls: false,
      port: 8001,
    });
    expect((await read({ cluster: { server: 'http://api.example' } })).error).to.match(
      /is not encrypted; write https/,
    );
  });

  const refused: Array<[string, Changes, RegExp]> = [
    [
      'a program for credentials',
      { user: { exec: { command: 'aws' } } },
      /runs a program for credentials \(exec\).*kubectl create token/,
    ],
    ['an auth-provider', { user: { 'auth-provider': { name: 'gcp' } } }, /auth-provider/],
    ['a password', { user: { username: 'me', password: 'x' } }, /password/],
    ['impersonation', { user: { as: 'root' } }, /acts as another/],
    [
      'a server that nobody verifies',
      { cluster: { 'insecure-skip-tls-verify': true } },
      /insecure-skip-tls-verify/,
    ],
    ['a proxy', { cluster: { 'proxy-url': 'http://p' } }, /proxy-url/],
    ['no server', { cluster: { server: 17 } }, /has no server/],
    [
      'a CA that is no PEM',
      { cluster: { 'certificate-authority-data': 'AAAA' } },
      /certificate-authority-data is not PEM/,
    ],
    ['no current context', { top: { 'current-context': '' } }, /has no current-context/],
    ['a context that is missing', { top: { 'current-context': 'gone' } }, /has no context "gone"/],
    ['a cluster that is missing', { context: { cluster: 'gone' } }, /has no cluster "gone"/],
    ['lists that are none', { top: { contexts: 'x' } }, /has no context "main"/],
  ];
  for (const [what, changes, error] of refused)
    it(`is refused with ${what}`, async () => {
      expect((await read(changes)).error)
        .to.match(/^\/etc\/kube\/config: /)
        .and.match(error);
    });

  it('is refused when it is no YAML, or not there', async () => {
    const broken = kubeconfigAccess('/c', filesOf({ '/c': 'a: [' }));
    expect((await broken()).error).to.equal('/c: is no YAML; write the path of a kubeconfig');
    expect((await kubeconfigAccess('/gone', filesOf({}))()).error).to.equal('/gone does not exist');
  });

  it('never shows a token in an error', async () => {
    for (const [, changes] of refused) expect((await read(changes)).error).not.to.contain('secret');
  });
});

describe('the service account of a pod', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const files: Record<string, string> = {
    '/m/token': 'first\n',
    '/m/ca.crt': pem('ca'),
    '/m/namespace': 'shop',
  };

  it('is there where Kubernetes set its variables', () => {
    expect(isInPod(env)).to.equal(true);
    expect(isInPod({})).to.equal(false);
  });

  it('is read again each time, since token and CA rotate', async () => {
    const mounted = { ...files };
    const find = inClusterAccess(env, filesOf(mounted), '/m');
    expect((await find()).value).to.include({
      host: '10.96.0.1',
      port: 443,
      token: 'first',
      ca: pem('ca'),
      namespace: 'shop',
    });
    mounted['/m/token'] = 'second';
    mounted['/m/ca.crt'] = pem('new');
    expect((await find()).value).to.include({ token: 'second', ca: pem('new') });
  });

  it('is explained where it is not mounted', async () => {
    const { '/m/token': _token, ...others } = files;
    expect((await inClusterAccess(env, filesOf(others), '/m')()).error).to.equal(
      '/m/token does not exist; set automountServiceAccountToken: true in the pod, or write discovery.kubernetes.kubeconfig',
    );
  });
});
