import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { type Checks, expectThat, startChecks, until } from '../checks.ts';
import { type ControlPlane, type KubernetesObject, startCluster } from './cluster.ts';
import type { ClusterPrograms } from './programs.ts';

/** What the checks of manifests share: a real API server, programs that talk to it, and what they say. */

export const root = fileURLToPath(new URL('../../../', import.meta.url));
/** The namespace of the manifests, which enforces the PodSecurity level `restricted`. */
export const namespace = 'shop';
const commandTimeoutMs = 60_000;
const crdPatienceMs = 30_000;

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: the tests read what the API promises.
  readonly [key: string]: any;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Stage extends Checks {
  readonly cluster: ControlPlane;
  /** For the files of the checks. */
  readonly dir: string;
  /** Of programs that reach the API server as admin. */
  readonly env: NodeJS.ProcessEnv;
  kubectl(...args: readonly string[]): Ended;
}

/** Runs the checks with an API server and the namespace, and prints the sum; returns the exit code. */
export async function onStage(
  programs: ClusterPrograms,
  run: (stage: Stage) => Promise<void>,
): Promise<number> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'outrigger-manifests-')));
  const checks = startChecks();
  try {
    const cluster = await startCluster(programs, join(dir, 'cluster'));
    try {
      await applyNamespace(cluster);
      // No proxy of whoever runs the test stands before loopback.
      const env = {
        PATH: process.env.PATH,
        HOME: dir,
        KUBECONFIG: cluster.writeKubeconfig(cluster.adminToken),
      };
      const kubectl = (...args: readonly string[]) => runCommand(programs.kubectl, args, { env });
      await run({ ...checks, cluster, dir, env, kubectl });
    } finally {
      await cluster.stop();
    }
  } catch (error) {
    checks.failed('the checks', error instanceof Error ? error.message : String(error));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return checks.close();
}

async function applyNamespace(cluster: ControlPlane): Promise<void> {
  const labels = {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  };
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
}

export function runCommand(
  program: string,
  args: readonly string[],
  {
    env = process.env,
    cwd,
    input,
  }: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly input?: string } = {},
): Ended {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: commandTimeoutMs,
    env,
    cwd,
    input,
  });
  return { code: status, stdout: stdout ?? '', stderr: stderr ?? String(error) };
}

export function outrigger(...args: readonly string[]): Ended {
  return runCommand(process.execPath, [join(root, 'src/main.ts'), ...args]);
}

export function succeeded(ended: Ended): string {
  expectThat(ended.code === 0, `exit code ${ended.code}: ${ended.stderr.trim()}`);
  return ended.stdout;
}

/** Returns the manifests of a text; documents with nothing but comments are none. */
export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

export function ofKind(manifests: readonly Manifest[], kind: string): Manifest {
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

/** A Deployment without Outrigger, with what `restricted` requires. */
export function plainDeployment(name: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name,
              image: `registry.example/${name}:1.0`,
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            },
          ],
        },
      },
    },
  };
}

/** What the API server says to manifests, without storing them. It refuses fields that it does not know. */
export function dryRun(
  { kubectl, dir }: Stage,
  manifests: readonly Manifest[],
  ...more: readonly string[]
): Ended {
  const file = join(dir, 'manifests.yaml');
  writeFileSync(file, manifests.map((manifest) => stringify(manifest)).join('---\n'));
  return kubectl('apply', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', file, ...more);
}

/** Checks that the API server accepts manifests and the pods of their Deployment, and refuses a privileged change to these. */
export async function restrictedChecks(
  stage: Stage,
  what: string,
  manifests: readonly Manifest[],
): Promise<void> {
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

/** Checks that the API server accepts an object of a CRD, and refuses it with a wrong field. */
export async function crdChecks(
  stage: Stage,
  what: string,
  manifest: Manifest,
  wrong: { readonly spec: object; readonly says: RegExp },
): Promise<void> {
  await stage.check(`${what}: the CRD of its operator accepts it`, async () => {
    const { code, stderr } = dryRun(stage, [manifest]);
    expectThat(code === 0 && !stderr.includes('Warning'), `exit code ${code}: ${stderr.trim()}`);
  });
  await stage.check(`${what}: the CRD refuses it with a wrong field`, async () => {
    const { code, stderr } = dryRun(stage, [{ ...manifest, spec: wrong.spec }]);
    expectThat(code !== 0 && wrong.says.test(stderr), `exit code ${code}: ${stderr.trim()}`);
  });
}

/** Applies the CRDs in a folder whose file name or own name contains one of the words, and waits until their objects can be applied. */
export async function applyCrds({ cluster }: Stage, folder: string, words: readonly string[]): Promise<void> {
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  const crds = texts
    .flatMap(manifestsIn)
    .filter(
      ({ kind, metadata }) =>
        kind === 'CustomResourceDefinition' && words.some((word) => metadata.name.startsWith(`${word}.`)),
    );
  expectThat(crds.length === words.length, `${crds.length} CRDs of ${words.join()} in ${folder}`);
  for (const crd of crds) {
    await cluster.apply(crd as KubernetesObject);
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`;
    await until(`the CRD ${crd.metadata.name} is served`, crdPatienceMs, async () => {
      const { body } = await cluster.call('GET', path);
      const conditions: readonly { type: string; status: string }[] = body.status?.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
    });
  }
}
