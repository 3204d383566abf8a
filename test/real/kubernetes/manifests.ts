import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { sidecarContainer } from '../../../src/cli/inject/sidecar.ts';
import { type Checks, exitForMissing, expectThat, startChecks } from '../checks.ts';
import { type ControlPlane, startCluster } from './cluster.ts';
import { clusterPrograms } from './programs.ts';

/**
 * The kustomize base in examples/kubernetes and the output of `outrigger inject`, as a real API server takes them in a namespace
 * that enforces the PodSecurity level `restricted`.
 */
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);

const root = fileURLToPath(new URL('../../../', import.meta.url));
const base = join(root, 'examples/kubernetes');
/** The namespace that the base names. */
const namespace = 'shop';
const image = 'registry.example/outrigger:dev';
const commandTimeoutMs = 60_000;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: the tests read what the API promises.
  readonly [key: string]: any;
}

interface Stage extends Checks {
  readonly cluster: ControlPlane;
  readonly dir: string;
  kubectl(...args: readonly string[]): Ended;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Ended {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: commandTimeoutMs,
    env,
  });
  return { code: status, stdout: stdout ?? '', stderr: stderr ?? String(error) };
}

function outrigger(...args: readonly string[]): Ended {
  return run(process.execPath, [join(root, 'src/main.ts'), ...args]);
}

function succeeded(ended: Ended): string {
  expectThat(ended.code === 0, `exit code ${ended.code}: ${ended.stderr.trim()}`);
  return ended.stdout;
}

function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function ofKind(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${manifests.map((one) => one.kind).join()}`);
  return found;
}

/** A pod as the controller of the Deployment would create it. PodSecurity refuses pods; of a Deployment it only warns. */
function podOf(deployment: Manifest): Manifest {
  const { metadata, spec } = deployment.spec.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: 'pod', namespace },
    spec: structuredClone(spec),
  };
}

/** What the API server says to manifests, without storing them. */
function dryRun({ kubectl, dir }: Stage, manifests: readonly Manifest[]): Ended {
  const file = join(dir, 'manifests.yaml');
  writeFileSync(file, manifests.map((manifest) => stringify(manifest)).join('---\n'));
  return kubectl('apply', '--dry-run=server', '-n', namespace, '-f', file);
}

/** Checks that the API server accepts manifests and the pods of their Deployment, and refuses a privileged change to these. */
async function restrictedChecks(stage: Stage, what: string, manifests: readonly Manifest[]): Promise<void> {
  const deployment = ofKind(manifests, 'Deployment');
  await stage.check(`${what}: the API server accepts it, and its pods under restricted`, async () => {
    const { code, stderr } = dryRun(stage, [...manifests, podOf(deployment)]);
    expectThat(code === 0 && !stderr.includes('Warning'), `exit code ${code}: ${stderr.trim()}`);
  });
  for (const list of ['containers', 'initContainers'] as const)
    await stage.check(`${what}: with a privileged container in ${list}, its pods are refused`, async () => {
      const pod = podOf(deployment);
      const [container] = pod.spec[list];
      container.securityContext = {
        ...container.securityContext,
        privileged: true,
        allowPrivilegeEscalation: true,
      };
      const { code, stderr } = dryRun(stage, [pod]);
      expectThat(
        code !== 0 && /violates PodSecurity "restricted:.*privileged/.test(stderr),
        `exit code ${code}: ${stderr.trim()}`,
      );
    });
}

async function baseChecks(stage: Stage): Promise<void> {
  const { check, kubectl, dir } = stage;
  const manifests = manifestsIn(succeeded(kubectl('kustomize', base)));
  await check('the base has the sidecar as inject adds it', async () => {
    const [sidecar] = ofKind(manifests, 'Deployment').spec.template.spec.initContainers;
    const expected = sidecarContainer({ image, configMap: '', version: '' });
    expectThat(isDeepStrictEqual(sidecar, expected), `it is ${JSON.stringify(sidecar)}`);
  });
  await check(
    'the configuration in the base is valid, and is what the ConfigMap of the pods holds',
    async () => {
      const file = join(base, 'outrigger.yaml');
      succeeded(outrigger('validate', '--config', file));
      const { metadata, data } = ofKind(manifests, 'ConfigMap');
      expectThat(data['outrigger.yaml'] === readFileSync(file, 'utf8'), JSON.stringify(data));
      const [volume] = ofKind(manifests, 'Deployment').spec.template.spec.volumes;
      expectThat(volume.configMap.name === metadata.name, `the volume is of ${volume.configMap.name}`);
    },
  );
  await restrictedChecks(stage, 'the base', manifests);
  await check('an overlay has another namespace and the PodMonitor', async () => {
    const overlay = join(dir, 'overlay');
    mkdirSync(overlay);
    const path = relative(overlay, base);
    const kustomization = {
      namespace: 'other',
      resources: [path],
      components: [join(path, 'pod-monitor')],
    };
    writeFileSync(join(overlay, 'kustomization.yaml'), stringify(kustomization));
    const built = manifestsIn(succeeded(kubectl('kustomize', overlay)));
    expectThat(built.length === manifests.length + 1, `it has ${built.length} manifests`);
    expectThat(
      built.every(({ metadata }) => metadata.namespace === 'other') &&
        ofKind(built, 'RoleBinding').subjects[0].namespace === 'other',
      'something is in another namespace',
    );
    const { port } = ofKind(built, 'PodMonitor').spec.podMetricsEndpoints[0];
    const [sidecar] = ofKind(built, 'Deployment').spec.template.spec.initContainers;
    expectThat(port === sidecar.ports[0].name, `the PodMonitor asks for the port ${port}`);
  });
}

async function accessChecks({ check, kubectl, cluster }: Stage): Promise<void> {
  await check('the service account lists and watches EndpointSlices, and may do nothing else', async () => {
    succeeded(kubectl('apply', '-k', base));
    const account = `--as=system:serviceaccount:${namespace}:shop`;
    const may = (verb: string, resource: string, where = namespace) =>
      kubectl('auth', 'can-i', verb, resource, '-n', where, account).stdout.trim();
    const slices = 'endpointslices.discovery.k8s.io';
    const answers = [
      ...[may('list', slices), may('watch', slices)],
      ...[may('create', slices), may('list', slices, 'default'), may('list', 'services')],
    ];
    expectThat(answers.join() === 'yes,yes,no,no,no', `kubectl auth can-i says ${answers.join()}`);
    const token = await cluster.serviceAccountToken(namespace, 'shop');
    const review = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { body } = await cluster.call('POST', review, { spec: { namespace } }, token);
    // Every user may ask who it is and what it may do.
    const rules = (body.status.resourceRules as { verbs: string[]; resources: string[] }[])
      .filter(({ resources }) => !resources.every((resource) => resource.startsWith('selfsubject')))
      .map(({ verbs, resources }) => `${verbs.join()} ${resources.join()}`);
    expectThat(rules.join('; ') === 'list,watch endpointslices', `it may ${rules.join('; ')}`);
  });
}

/** A Deployment without Outrigger, with what `restricted` requires. */
const plainDeployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'plain' },
  spec: {
    selector: { matchLabels: { app: 'plain' } },
    template: {
      metadata: { labels: { app: 'plain' } },
      spec: {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'plain',
            image: 'registry.example/plain:1.0',
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
  },
};

async function injectChecks(stage: Stage): Promise<void> {
  const file = join(stage.dir, 'plain.yaml');
  writeFileSync(file, stringify(plainDeployment));
  const config = join(base, 'outrigger.yaml');
  const injected = succeeded(outrigger('inject', file, '--image', image, '--config', config));
  await restrictedChecks(stage, 'the output of inject', manifestsIn(injected));
}

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-manifests-')));
const checks = startChecks();
try {
  const cluster = await startCluster(programs, join(dir, 'cluster'));
  try {
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    });
    // No proxy of whoever runs the test stands before loopback.
    const env = {
      PATH: process.env.PATH,
      HOME: dir,
      KUBECONFIG: cluster.writeKubeconfig(cluster.adminToken),
    };
    const kubectl = (...args: readonly string[]) => run(programs.kubectl, args, env);
    const stage: Stage = { ...checks, cluster, dir, kubectl };
    await baseChecks(stage);
    await accessChecks(stage);
    await injectChecks(stage);
  } finally {
    await cluster.stop();
  }
} catch (error) {
  checks.failed('the manifests', error instanceof Error ? error.message : String(error));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = checks.close();
