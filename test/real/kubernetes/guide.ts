import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { type Fence, fencesOf } from '../../docs/fences.ts';
import { exitForMissing, expectThat } from '../checks.ts';
import { clusterPrograms, installed } from './programs.ts';
import {
  applyCrds,
  crdChecks,
  dryRun,
  type Manifest,
  manifestsIn,
  onStage,
  plainDeployment,
  root,
  runCommand,
  type Stage,
  succeeded,
} from './stage.ts';

/**
 * The pages of the guide that need Kubernetes, as a reader follows them: their manifests, also those of Istio and of the Gateway API,
 * and the commands whose mark names this test, in their order.
 */
const programs = clusterPrograms();
if ('missing' in programs) exitForMissing(programs.missing);
const { kubectl: kubectlProgram } = programs;
const extras = installed(['helm', 'prometheus-crds', 'istio-crds', 'gateway-crds']);
if ('missing' in extras) exitForMissing(extras.missing);
const {
  helm,
  'prometheus-crds': prometheusCrds,
  'istio-crds': istioCrds,
  'gateway-crds': gatewayCrds,
} = extras.paths;

const mark = 'test/real/kubernetes-guide runs it';
const foreign = /^(?:[\w.]+\.)?(?:istio\.io|gateway\.networking\.k8s\.io)\//;

const fencesOfPage = (page: string): Fence[] =>
  fencesOf(readFileSync(join(root, 'docs/tasks', page), 'utf8'));

/** A folder with what a reader has: the examples, a manifest shop.yaml, and the programs on the path. */
function workplaceOf({ dir, env }: Stage, page: string): (command: string) => string {
  const folder = join(dir, page);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  const outrigger = join(folder, 'bin/outrigger');
  writeFileSync(outrigger, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'src/main.ts')}' "$@"\n`);
  chmodSync(outrigger, 0o755);
  writeFileSync(join(folder, 'shop.yaml'), stringify(plainDeployment('shop')));
  for (const { file, text } of fencesOfPage(page))
    if (file !== undefined) writeFileSync(join(folder, file), text);
  const path = [join(folder, 'bin'), dirname(kubectlProgram), dirname(helm), env.PATH].join(':');
  return (command) =>
    succeeded(
      runCommand('bash', ['-e', '-o', 'pipefail', '-c', command], {
        env: { ...env, PATH: path },
        cwd: folder,
      }),
    );
}

/** Checks the commands of a page that are marked, in their order; returns what each printed. */
async function commandChecks(
  stage: Stage,
  page: string,
  run: (command: string) => string,
): Promise<string[]> {
  const outputs: string[] = [];
  const fences = fencesOfPage(page).filter(({ language, notRun }) => language === 'sh' && notRun === mark);
  for (const { line, text } of fences)
    await stage.check(`${page}:${line}: the commands succeed`, async () => {
      outputs.push(run(text));
    });
  return outputs;
}

/** Checks that the API server accepts the manifests of a page, and refuses those of other projects with a wrong field. */
async function manifestChecks(stage: Stage, page: string): Promise<void> {
  const manifests = fencesOfPage(page)
    .filter(({ language, text }) => language === 'yaml' && /^apiVersion: /m.test(text))
    .flatMap(({ text }) => manifestsIn(text))
    .filter(
      ({ kind, apiVersion, metadata }) => kind !== 'Kustomization' && apiVersion && metadata !== undefined,
    );
  const [others, own] = [true, false].map((isForeign) =>
    manifests.filter(({ apiVersion }) => foreign.test(apiVersion) === isForeign),
  );
  if (own.length > 0)
    await stage.check(
      `${page}: the API server accepts its ${own.length} manifests of Kubernetes`,
      async () => {
        const { code, stderr } = dryRun(stage, own);
        expectThat(code === 0, `exit code ${code}: ${stderr.trim()}`);
      },
    );
  for (const manifest of others)
    await crdChecks(stage, `${page}: ${manifest.kind} ${manifest.metadata.name}`, manifest, {
      spec: { ...manifest.spec, retires: {} },
      says: /unknown field "spec\.retires"/,
    });
}

/** The Service of a reader before the sidecar. */
async function applyService({ cluster }: Stage, namespace: string): Promise<void> {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop', namespace },
    spec: { selector: { app: 'shop' }, ports: [{ name: 'grpc', port: 50_051, targetPort: 50_051 }] },
  });
}

async function serviceCheck({ check, cluster }: Stage, page: string, namespace: string): Promise<void> {
  await check(`${page}: the Service leads to the inbound listener`, async () => {
    const { body } = await cluster.call('GET', `/api/v1/namespaces/${namespace}/services/shop`);
    expectThat(body.spec.ports[0].targetPort === 15_006, JSON.stringify(body.spec.ports));
  });
}

async function migrationChecks(stage: Stage, page: string): Promise<void> {
  const { check, cluster } = stage;
  const namespace = 'shop';
  await manifestChecks(stage, page);
  await applyService(stage, namespace);
  const outputs = await commandChecks(stage, page, workplaceOf(stage, page));
  await check(`${page}: the pods have Outrigger, and are out of the mesh`, async () => {
    expectThat(outputs[1]?.trim() === 'outrigger', `the command prints ${outputs[1]}`);
    const { body } = await cluster.call('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/shop`);
    const { labels, annotations } = body.spec.template.metadata as Manifest;
    const isOut =
      labels['sidecar.istio.io/inject'] === 'false' || annotations['linkerd.io/inject'] === 'disabled';
    expectThat(isOut, JSON.stringify({ labels, annotations }));
  });
  await serviceCheck(stage, page, namespace);
  for (const kind of ['deployment', 'service', 'configmap'])
    succeeded(stage.kubectl('delete', kind, '-n', namespace, '--all'));
}

async function kubernetesChecks(stage: Stage): Promise<void> {
  const page = 'kubernetes.md';
  await manifestChecks(stage, page);
  const run = workplaceOf(stage, page);
  await applyService(stage, 'default');
  await commandChecks(stage, page, run);
  await serviceCheck(stage, page, 'default');
  const text = readFileSync(join(root, 'docs/tasks', page), 'utf8');
  const checked = /`(kubectl auth can-i [^`]+)` prints `yes`/.exec(text)?.[1];
  await stage.check(`${page}: the account may list EndpointSlices, as step 3 checks`, async () => {
    expectThat(checked !== undefined && run(checked).trim() === 'yes', `${checked}`);
  });
  await stage.check(`${page}: step 4 stored the Deployment with the sidecar, and its ConfigMap`, async () => {
    const [deployment, configMap] = [
      run("kubectl get deployment shop -o jsonpath='{.spec.template.spec.initContainers[*].name}'"),
      run("kubectl get configmap shop-outrigger -o jsonpath='{.data.outrigger\\.yaml}'"),
    ];
    expectThat(deployment === 'outrigger', deployment);
    expectThat(configMap.includes('service: orders'), configMap);
  });
}

const migrations = ['from-istio.md', 'from-linkerd.md'];

process.exitCode = await onStage(programs, async (stage) => {
  await stage.check('every page of the guide that names this test is in it', async () => {
    const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((page) => page.endsWith('.md'))
      .filter((page) => readFileSync(join(root, 'docs', page), 'utf8').includes(mark));
    const expected = ['kubernetes.md', ...migrations].map((page) => `tasks/${page}`);
    expectThat(pages.sort().join() === expected.sort().join(), pages.join());
  });
  await applyCrds(stage, istioCrds, [
    'virtualservices.networking',
    'destinationrules.networking',
    'peerauthentications.security',
  ]);
  await applyCrds(stage, prometheusCrds, ['podmonitors']);
  await applyCrds(stage, gatewayCrds, ['grpcroutes']);
  await kubernetesChecks(stage);
  for (const page of migrations) await migrationChecks(stage, page);
});
