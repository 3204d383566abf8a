import type { ReloadOutcome } from '../admin/deps.ts';
import type { PushedLists } from '../config/pushed.ts';
import type { Config } from '../config/table.ts';
import type { OriginOf } from '../config/values.ts';
import { formatAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { pluralize } from '../core/pluralize.ts';
import { type PolicyDeps, sameParts } from '../policies/compile.ts';
import { formatProblem, sortProblems } from '../schema/problem.ts';
import { warmUpMsMax } from '../upstream/warm-up.ts';
import type { BuiltCluster } from './build-cluster.ts';
import { clusterSettings } from './build-cluster.ts';
import { type ListenerBuildDeps, type ListenerParts, routesOf, sameRoutes } from './build-listener.ts';
import { processDifferences, restartProblems, sameListener } from './config-changes.ts';
import { ListenersDrain } from './drainable.ts';
import { drainGracefully, waitWhile } from './lifecycle.ts';
import { startProblem } from './listen-problem.ts';
import { memoryMarks } from './memory.ts';
import { type AppState, awaited, everyListener, newRunning } from './parts.ts';
import { type ChangedCluster, planReload, type ReloadPlan } from './plan-reload.ts';

/**
 * Puts another configuration in the place of the one that runs, all or nothing:
 *
 *     read ─▶ plan ─▶ warm up new clusters ─▶ bind new listeners ─▶ switch ─▶ let go what is gone
 *
 * Up to the switch everything is made beside what runs, and given back if a step fails. The switch itself is one turn of
 * the event loop: calls before it are on the old routes to their end, calls after it on the new ones.
 */
export class Reloader {
  private readonly parts: AppState;
  private readonly deps: ListenerBuildDeps;
  /** The one that runs, and the one that waits for it: whoever asks meanwhile gets the answer of that. */
  private running: Promise<ReloadOutcome> | null = null;
  private next: Promise<ReloadOutcome> | null = null;

  constructor(parts: AppState, deps: ListenerBuildDeps) {
    this.parts = parts;
    this.deps = deps;
  }

  /** Never rejects. A reload that is asked for while another runs begins after it, since that may have read too early. */
  reload(why: string): Promise<ReloadOutcome> {
    if (this.next !== null) return this.next;
    if (this.running !== null) {
      this.next = this.running.then(() => {
        this.next = null;
        return this.reload(why);
      });
      return this.next;
    }
    this.running = this.once(why).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async once(why: string): Promise<ReloadOutcome> {
    const { deps, reloads } = this.parts;
    const { controlPlane } = this.parts;
    const pushed = controlPlane?.beginReload();
    const result = await this.attempt(pushed).catch((error: unknown) => {
      return this.refused([error instanceof Error ? error.message : String(error)]);
    });
    if (result.ok) {
      reloads.reloads++;
      reloads.lastError = '';
      const changes = result.changes.join('; ') || 'nothing has changed';
      deps.logger.info(`reloaded: ${changes}`, { why, version: result.version });
      for (const warning of result.warnings) deps.logger.warn(warning);
    } else {
      reloads.refused++;
      reloads.lastError = result.problems.join('\n');
      deps.logger.error('reload refused: the previous configuration stays active', { why });
      for (const problem of result.problems) deps.logger.error(problem);
    }
    controlPlane?.endReload(result);
    return result;
  }

  private async attempt(pushed: PushedLists | undefined): Promise<ReloadOutcome> {
    const { deps, running } = this.parts;
    if (this.parts.lifecycle.state === 'draining') return this.refused([this.drainingNow()]);
    if (deps.load === undefined) return this.refused(['there is no configuration to reload']);
    const loaded = await deps.load(pushed);
    if (loaded.config === undefined) return this.refused(loaded.problems.map(formatProblem));
    const fixed = sortProblems(restartProblems(running.config, loaded.config, loaded.placeOf));
    if (fixed.length > 0) return this.refused(fixed.map(formatProblem));
    this.deps.policies.parts.add(loaded.parts ?? new Map());
    const plan = planReload(running, loaded.config, this.deps);
    const changes = changesOf(plan, running.config, this.deps.policies);
    const warnings = loaded.warnings.map(formatProblem);
    let unboundListener: string | undefined;
    try {
      const lists = await this.warmUp(plan, warnings);
      for (const { listener } of plan.newListeners) {
        unboundListener = listener.settings.name;
        const address = await listener.listen();
        deps.logger.info('listening', { listener: listener.settings.name, address: formatAddress(address) });
      }
      unboundListener = undefined;
      // SIGTERM may have come meanwhile, and its drain knows nothing of what is new.
      if ((this.parts.lifecycle.state as string) === 'draining') throw new Error(this.drainingNow());
      this.commit(plan, lists, loaded.originOf);
    } catch (error) {
      plan.discard();
      const refused = this.refused([startProblem(error, loaded.config, loaded.placeOf)]);
      return unboundListener === undefined ? refused : { ...refused, unboundListener };
    }
    const { reloads } = this.parts;
    if (changes.length > 0) {
      reloads.version++;
      reloads.loadedWallMs = Math.floor(deps.clock.wallMs());
    }
    return { ok: true, version: reloads.version, changes, warnings };
  }

  private drainingNow(): string {
    const what = 'the sidecar is draining';
    return this.parts.lifecycle.canUndrain
      ? `${what}; take the drain back with outrigger undrain, and reload then`
      : what;
  }

  private refused(problems: readonly string[]): Extract<ReloadOutcome, { readonly ok: false }> {
    return { ok: false, version: this.parts.reloads.version, problems };
  }

  /** Begins discovery and probes of what is new, and waits for their first answers; but not for ever. */
  private async warmUp(plan: ReloadPlan, warnings: string[]): Promise<Members> {
    const { clock } = this.deps;
    const lists: Members = new Map();
    for (const { cluster } of plan.newClusters) cluster.start();
    for (const changed of plan.changedClusters) {
      changed.discovery?.start((list) => {
        // Once it is applied, straight on.
        if (lists.get(changed) === 'applied') changed.built.cluster.update(list);
        else lists.set(changed, list);
      });
    }
    const waitsFor = (): string[] => [
      ...plan.newClusters.map(({ cluster }) => cluster.notReadyBecause).filter((reason) => reason !== ''),
      ...plan.changedClusters
        .filter(({ discovery }) => discovery !== null && !discovery.status.answered)
        .map(
          ({ built, discovery }) => `cluster ${built.cluster.name}: ${discovery?.describe} has not answered`,
        ),
    ];
    await waitWhile(() => waitsFor().length > 0, clock, clock.now() + warmUpMsMax);
    warnings.push(...waitsFor().map((reason) => `applied before it was ready: ${reason}`));
    return lists;
  }

  /** The switch. Nothing here waits or fails. */
  private commit(plan: ReloadPlan, lists: Members, originOf: OriginOf | undefined): void {
    const { parts } = this;
    const { config, clusters } = plan;
    for (const changed of plan.changedClusters) {
      const { built, discovery } = changed;
      built.cluster.reconfigure(clusterSettings(built.config, this.deps), discovery);
      const list = lists.get(changed);
      if (discovery === null || list === 'applied') continue;
      lists.set(changed, 'applied');
      if (list !== undefined) built.cluster.update(list);
    }
    for (const { cluster } of plan.newClusters) {
      const before = parts.running.clusters.get(cluster.name);
      if (before !== undefined) cluster.replaces(before.cluster);
    }
    for (const { parts: listener, config: next, prepared } of plan.keptListeners) {
      const same = sameRoutes(listener, next, clusters, this.deps.policies);
      // Kept if it can be: retry budgets and what connections remember of heads go with it.
      const routes = routesOf(next, clusters, this.deps);
      const router = same ? listener.context.router : routes.router;
      listener.context = { ...listener.context, listener: next.name, ...routes, router };
      listener.clusters = clusters;
      listener.config = next;
      if (prepared !== null) listener.listener.apply(prepared);
    }
    const listeners = config.listeners.map(
      (next) =>
        plan.keptListeners.find((kept) => kept.config === next)?.parts ??
        plan.newListeners.find((made) => made.config === next)!,
    );
    const before = parts.running.config;
    parts.wasReady ||= awaited(parts).length === 0;
    parts.running = newRunning(config, clusters, listeners, originOf);
    this.applyProcess(before, config);
    for (const gone of plan.goneListeners) void this.letListenerGo(gone);
    for (const gone of plan.goneClusters) void this.letClusterGo(gone);
  }

  /** What belongs to the whole process. */
  private applyProcess(before: Config, { drain, limits, log, telemetry }: Config): void {
    const { parts, deps } = this;
    parts.lifecycle.settings = drain;
    // A level that was set by hand stays, unless the file has another one than it had.
    if (before.log.level !== log.level) parts.deps.logger.level = log.level;
    parts.deps.logger.format = log.format;
    parts.memory.marks = memoryMarks(limits);
    deps.bufferBudget.resize(limits.bufferedBytes);
    parts.telemetry.reconfigure(telemetry);
  }

  private async letListenerGo(gone: ListenerParts): Promise<void> {
    const { leaving, deps, lifecycle } = this.parts;
    leaving.listeners.add(gone);
    const { name } = gone.listener.settings;
    deps.logger.info('listener is draining: it accepts no new connections', { listener: name });
    const { cut, finished } = await drainGracefully(
      new ListenersDrain(() => [gone]),
      deps.clock,
      lifecycle.settings,
    );
    gone.listener.close();
    leaving.listeners.delete(gone);
    deps.logger.info(`listener removed: ${pluralize(cut, 'request')} terminated, ${finished} finished`, {
      listener: name,
    });
  }

  /**
   * No call begins there any more. Those that did may still be retried, and others wait in a stage of an old route: it works on
   * until they are over.
   */
  private async letClusterGo({ cluster }: BuiltCluster): Promise<void> {
    const { leaving, deps, lifecycle } = this.parts;
    leaving.clusters.add(cluster);
    const isAwaited = (): boolean =>
      everyListener(this.parts).some(({ context }) => context.calls.anyMayReach(cluster));
    const over = (): boolean => (cluster.active === 0 && !isAwaited()) || lifecycle.isClosing;
    await waitWhile(() => !over(), deps.clock, Number.POSITIVE_INFINITY, idleCheckMs);
    // The end of the process closes what is left.
    if (lifecycle.isClosing) return;
    cluster.stop();
    cluster.close();
    leaving.clusters.delete(cluster);
    deps.logger.info('cluster removed', { cluster: cluster.name });
  }
}

/** How often a reload checks whether the last call of a removed cluster has ended, milliseconds. */
const idleCheckMs = 100;

/** What a cluster's new discovery said first, until the switch. */
type Members = Map<ChangedCluster, readonly EndpointSpec[] | 'applied'>;

function changesOf(plan: ReloadPlan, before: Config, policies: PolicyDeps): string[] {
  const changes: string[] = [];
  const log = (what: string, names: readonly string[]): void => {
    if (names.length > 0) changes.push(`${what} ${names.join(', ')}`);
  };
  const { config } = plan;
  const replaced = plan.newClusters.filter(({ cluster }) =>
    before.clusters.some(({ name }) => name === cluster.name),
  );
  const routed = plan.keptListeners.filter(
    ({ parts, config: next, prepared }) =>
      prepared !== null ||
      !sameListener(parts.config, next, policies.list) ||
      !sameParts(parts.config.routes, next.routes, policies),
  );
  log('new cluster', plan.newClusters.filter((one) => !replaced.includes(one)).map(nameOf));
  log('rebuilt cluster', replaced.map(nameOf));
  log(
    'changed cluster',
    plan.changedClusters.map(({ built }) => nameOf(built)),
  );
  log(
    'removed cluster',
    plan.goneClusters.filter((one) => !config.clusters.some(({ name }) => name === nameOf(one))).map(nameOf),
  );
  log(
    'new listener',
    plan.newListeners.map(({ config: { name } }) => name),
  );
  log(
    'changed listener',
    routed.map(({ config: { name } }) => name),
  );
  log(
    'removed listener',
    plan.goneListeners.map(({ config: { name } }) => name),
  );
  const sections = processDifferences(before, config).map(({ path }) => path.split('.', 1)[0]);
  for (const section of new Set(sections)) changes.push(`changed ${section}`);
  return changes;
}

function nameOf({ cluster }: BuiltCluster): string {
  return cluster.name;
}
