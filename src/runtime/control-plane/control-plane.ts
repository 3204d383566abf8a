import { isDeepStrictEqual } from 'node:util';
import type { ReloadOutcome } from '../../admin/deps.ts';
import { type PushedLists, pushedPathOf } from '../../config/pushed.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { SentObject, SentResource } from '../../core/sent-resource.ts';
import type { EndpointAssignments } from '../../discovery/xds.ts';
import type { ConfigProblem } from '../../schema/problem.ts';
import type { Raw } from '../../schema/scalar-type.ts';
import type { ControlPlaneStatus, ResourceUpdate } from '../../xds/client/interface.ts';
import type { Subscription } from '../../xds/client/subscription.ts';
import type { ResourceKind, ResourceProblem } from '../../xds/resource.ts';
import type { AssembleInput, Assembly, Origin } from '../../xds/translate/assemble.ts';
import { settle } from '../../xds/translate/settle.ts';
import { PemStore } from './pem-store.ts';
import { ResourceStore } from './resource-store.ts';
import { SentHistory, type Source } from './sent-history.ts';
import { UnboundListeners } from './unbound-listeners.ts';

/** The stream to the control plane, as it is used here. */
export interface AdsSubscriber {
  start(): void;
  stop(): void;
  subscribe(kind: ResourceKind, names: Subscription): void;
  readonly status: ControlPlaneStatus;
}

export interface ControlPlaneDeps {
  readonly clock: Clock;
  /** Local addresses of the listeners that are asked for by name; none for all listeners. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Names that the file uses itself, as it is now. */
  readonly reserved: () => {
    readonly listeners: ReadonlySet<string>;
    readonly clusters: ReadonlySet<string>;
  };
  /** What loading the configuration together with this would find wrong. */
  readonly check: (pushed: PushedLists) => readonly ConfigProblem[];
  readonly reload: (why: string) => Promise<ReloadOutcome>;
  /** Whether a reload would be refused now, because the sidecar drains. */
  readonly isDraining: () => boolean;
}

/** What was sent and is not used, or not yet. */
export interface PushStatus {
  /** The first configuration was applied. */
  readonly applied: boolean;
  readonly warnings: readonly ResourceProblem[];
  readonly waiting: ReadonlyArray<Origin & { readonly for: string }>;
  /** Why the last configuration was refused as a whole, '' if it was not. */
  readonly refused: string;
}

/** Lists, and the resources that their items are from. */
interface Push {
  readonly lists: PushedLists;
  readonly sources: readonly Source[];
}

/** How often it is checked whether a drain was taken back, milliseconds. */
const drainCheckMs = 1_000;
const nothing: Push = { lists: { listeners: [], clusters: [] }, sources: [] };

/**
 * Makes a configuration of what a control plane sends:
 *
 *     update ─▶ translate ─▶ assemble, check ─▶ verdict (ACK, NACK) ─▶ reload
 *
 * A resource that is wrong, by itself or together with others, is refused, and its version before stays. The reload is the same as for
 * a file: all or nothing. Endpoints go straight to the clusters.
 */
export class ControlPlane implements EndpointAssignments {
  private readonly ads: AdsSubscriber;
  private readonly deps: ControlPlaneDeps;
  private readonly pems = new PemStore();
  private store = new ResourceStore();
  private readonly watchers = new Map<string, Set<(list: readonly EndpointSpec[]) => void>>();
  private assembly: Assembly | null = null;
  private push = nothing;
  /** What runs, and what the reload that is on its way applies. */
  private inUse = nothing;
  private loading: Push | null = null;
  private foundRight: PushedLists | null = null;
  private readonly history = new SentHistory();
  private timer: Timer | null = null;
  /** The names of the file with which the last lists were made. */
  private reserved: NonNullable<AssembleInput['reserved']> = { listeners: new Set(), clusters: new Set() };
  private readonly unbound: UnboundListeners;
  private applied = false;
  private refused = '';

  /** `connect` makes the stream, with the verdict on each update. */
  constructor(
    deps: ControlPlaneDeps,
    connect: (judge: (update: ResourceUpdate) => readonly ResourceProblem[]) => AdsSubscriber,
  ) {
    this.deps = deps;
    this.unbound = new UnboundListeners(deps.clock, () => void this.settle(this.store.copy()));
    this.ads = connect((update) => this.judge(update));
  }

  start(): void {
    const { addresses } = this.deps;
    this.ads.subscribe('listener', addresses.size > 0 ? new Set(addresses.keys()) : 'all');
    this.subscribe();
    this.ads.start();
  }

  stop(): void {
    this.timer?.cancel();
    this.unbound.stop();
    this.ads.stop();
    this.pems.close();
  }

  /** A reload begins, of the file or for what was sent: returns what it adds to the file. */
  beginReload(): PushedLists {
    // The file may have another object of the same name by now.
    if (!isDeepStrictEqual(this.deps.reserved(), this.reserved)) this.settle(this.store.copy());
    this.loading = this.push;
    return this.push.lists;
  }

  /** That reload is over. */
  endReload(outcome: ReloadOutcome): void {
    const push = this.loading ?? nothing;
    this.loading = null;
    this.refused = outcome.ok ? '' : outcome.problems.join('; ');
    if (outcome.ok) {
      this.pems.keep([this.inUse, push, this.push].map(({ lists }) => lists));
      this.use(push);
      this.unbound.forgetBound();
      // A control plane sends clusters before it has listeners; those make a configuration.
      if (push.lists.listeners.length > 0) this.applied = true;
    } else if (outcome.unboundListener !== undefined) this.leaveOut(outcome.unboundListener);
  }

  /** The listeners and clusters of the active configuration that the control plane sent, each with its resources. */
  sentObjects(): SentObject[] {
    return this.history.objects();
  }

  /** The resources that a listener and clusters of the configuration were from at a moment of the monotonic clock. */
  resourcesOf(listener: string, clusters: readonly string[], atMs: number): SentResource[] {
    return this.history.at(listener, clusters, atMs);
  }

  get status(): ControlPlaneStatus & PushStatus {
    const { applied, refused, assembly } = this;
    return {
      ...this.ads.status,
      applied,
      refused,
      warnings: [...this.unboundProblems(), ...(assembly?.warnings ?? [])],
      waiting: assembly?.waiting ?? [],
    };
  }

  /** Why there is no configuration yet, in plain words; '' once there is one. */
  get notReadyBecause(): string {
    if (this.applied) return '';
    if (this.unbound.size > 0) {
      const reasons = this.unbound.list().map(({ name, reason }) => `${name}: ${reason}`);
      return `no listener of the control plane is open: ${reasons.join('; ')}`;
    }
    const { server, connected, lastError } = this.ads.status;
    if (!connected)
      return `the control plane ${server} is not connected${lastError === '' ? '' : `: ${lastError}`}`;
    return this.refused === ''
      ? `the control plane ${server} has not sent a configuration`
      : `the configuration of the control plane was refused: ${this.refused}`;
  }

  watch(service: string, heard: (list: readonly EndpointSpec[]) => void): () => void {
    const watchers = this.watchers.get(service) ?? new Set();
    this.watchers.set(service, watchers);
    watchers.add(heard);
    this.subscribe();
    // It stands for a cluster that the control plane does not have.
    const known = this.isAbsent(service) ? [] : this.store.endpoints(service);
    if (known !== undefined) heard(known);
    return () => {
      watchers.delete(heard);
      if (watchers.size > 0 || this.watchers.get(service) !== watchers) return;
      this.watchers.delete(service);
      this.subscribe();
    };
  }

  get trouble(): string {
    const { server, connected, lastError } = this.ads.status;
    return connected
      ? ''
      : `the control plane ${server} is not connected${lastError === '' ? '' : `: ${lastError}`}`;
  }

  private judge(update: ResourceUpdate): readonly ResourceProblem[] {
    const before = this.store.copy();
    const problems = this.store.take(update);
    if (update.kind === 'endpoint') {
      this.assign(update);
      return problems;
    }
    // Nothing can be otherwise than before, and the check of a large configuration takes a while.
    if (update.changed.length === 0 && update.removed.length === 0) return problems;
    problems.push(...this.settle(before));
    this.subscribe();
    return problems;
  }

  private isAbsent(service: string): boolean {
    return this.assembly?.absent.has(service) === true;
  }

  private assign({ changed, removed }: ResourceUpdate): void {
    this.history.unassign(removed);
    for (const { name } of changed) {
      const sent = this.store.sent('endpoint', name);
      if (sent !== undefined) this.history.assign(sent, this.deps.clock.now());
      this.publish(name);
    }
  }

  private publish(service: string): void {
    const list = this.store.endpoints(service);
    if (list === undefined) return;
    for (const heard of [...(this.watchers.get(service) ?? [])]) heard(list);
  }

  /** Assembles what there is, goes back where a resource is refused, and has it applied. */
  private settle(before: ResourceStore): readonly ResourceProblem[] {
    const { addresses } = this.deps;
    this.reserved = this.deps.reserved();
    const { models } = this.store;
    const listeners = this.unbound.without(models.listeners);
    const input = { ...models, listeners, addresses, storePem: this.pems.store, reserved: this.reserved };
    const { assembly, problems, others } = settle(input, (made) => this.check(listsOf(made)), before.models);
    for (const problem of problems) this.store.revert(problem, before);
    this.refused = others.map(({ message }) => message).join('; ');
    this.assembly = assembly;
    // Also where the file is wrong: the reload says so, and the next one of the file applies this too.
    this.apply({ lists: listsOf(assembly), sources: sourcesOf(assembly, this.store) });
    return problems;
  }

  /** Checks lists as loading them would, unless they are those that were found right last. */
  private check(lists: PushedLists): ReturnType<typeof checked> {
    if (isDeepStrictEqual(lists, this.foundRight)) return [];
    const problems = checked(this.deps.check(lists));
    if (problems.length === 0) this.foundRight = lists;
    return problems;
  }

  /** In the next turn: the updates that come together make one reload. What is in use, or is about to be, makes none. */
  private apply(push: Push): void {
    this.push = push;
    if (isDeepStrictEqual(push.lists, (this.loading ?? this.inUse).lists)) {
      // The same lists of newer resources.
      if (this.loading === null) this.use(push);
      else this.loading = push;
      return;
    }
    this.scheduleReload(0);
  }

  private scheduleReload(afterMs: number): void {
    this.timer ??= this.deps.clock.after(afterMs, () => {
      this.timer = null;
      // A reload of the file may have applied it meanwhile.
      if (isDeepStrictEqual(this.push.lists, (this.loading ?? this.inUse).lists)) return;
      if (this.deps.isDraining()) return this.scheduleReload(drainCheckMs);
      const { listeners, clusters } = this.push.lists;
      const what = `${pluralize(listeners.length, 'listener')}, ${pluralize(clusters.length, 'cluster')}`;
      void this.deps.reload(`the control plane sent ${what}`);
    });
  }

  private use(push: Push): void {
    this.inUse = push;
    this.history.apply(push.sources, this.deps.clock.now());
  }

  /** Applies the rest without a listener that could not be bound. One of the file is not ours to leave out. */
  private leaveOut(listener: string): void {
    const name = this.assembly?.names.listeners.get(listener);
    if (name === undefined) return;
    this.unbound.add(name, this.store.models.listeners.get(name), this.refused);
    this.settle(this.store.copy());
  }

  private unboundProblems(): ResourceProblem[] {
    return this.unbound.list().map(({ name, reason }) => ({
      kind: 'listener',
      name,
      path: '',
      message: `is not open: ${reason}`,
    }));
  }

  /** Asks for what is named by what there is. */
  private subscribe(): void {
    const byName = this.deps.addresses.size > 0;
    this.ads.subscribe('cluster', byName ? this.store.referenced('clusters') : 'all');
    this.ads.subscribe('route', this.store.referenced('routes'));
    this.ads.subscribe('secret', this.store.referenced('secrets'));
    this.ads.subscribe('endpoint', new Set([...this.watchers.keys()].filter((name) => !this.isAbsent(name))));
  }
}

function listsOf({ listeners, clusters }: Assembly): PushedLists {
  return { listeners: listeners as readonly Raw[], clusters: clusters as readonly Raw[] };
}

function sourcesOf({ listeners, clusters, names, originOf }: Assembly, store: ResourceStore): Source[] {
  const sent = (kind: ResourceKind, name: string | undefined): SentResource[] => {
    const resource = name === undefined ? undefined : store.sent(kind, name);
    return resource === undefined ? [] : [resource];
  };
  return [
    ...listeners.map(({ name }, i): Source => {
      const routes = originOf(`listeners[${i}].routes[0]`);
      const resources = sent('listener', names.listeners.get(String(name)));
      if (routes?.kind === 'route') resources.push(...sent('route', routes.name));
      return { object: 'listener', name: String(name), resources, service: '' };
    }),
    ...clusters.map(({ name, discovery }): Source => {
      const resources = sent('cluster', names.clusters.get(String(name)));
      const { xds } = (discovery ?? {}) as { readonly xds?: { readonly service: string } };
      return { object: 'cluster', name: String(name), resources, service: xds?.service ?? '' };
    }),
  ];
}

function checked(
  problems: readonly ConfigProblem[],
): Array<{ readonly path: string; readonly message: string }> {
  return problems.map((problem) => ({ path: pushedPathOf(problem) ?? '', message: problem.message }));
}
