import type { Logger } from '../../core/logger.ts';
import type { Resource, ResourceKind, ResourceProblem } from '../resource.ts';
import { typeUrls } from '../type-urls.ts';
import type { DiscoveryResponse, WireResource } from './discovery-response.ts';
import { digestOf, type HeldBytes, type HeldResources } from './held-resources.ts';
import type { AdsDeps } from './interface.ts';
import { heldBytesMax, nameBytesMax, resourceBytesMax, resourcesMax } from './limits.ts';
import { includes, type Subscription } from './subscription.ts';

export interface Judgment {
  /** Nothing is an ACK. */
  readonly problems: readonly ResourceProblem[];
  /** Resources that were applied or removed. */
  readonly applied: number;
}

export interface JudgeDeps extends Pick<AdsDeps, 'decode' | 'judge'> {
  readonly logger: Logger;
  /** Bytes that are held of all kinds. */
  readonly heldBytes: HeldBytes;
}

/**
 * Takes one response apart: what is new in it, what is gone, and what is wrong by itself; has the rest judged, and notes what
 * was accepted. A resource that is wrong does not keep the others from being applied, and its last good version stays.
 *
 * @param complete whether a resource that the response does not have no longer exists
 */
export function judgeResponse(
  kind: ResourceKind,
  response: DiscoveryResponse,
  { subscription, complete }: { readonly subscription: Subscription; readonly complete: boolean },
  held: HeldResources,
  deps: JudgeDeps,
): Judgment {
  const contents = new ResponseContents(kind, response, subscription, held, deps);
  const removed = complete ? contents.missing() : contents.removed();
  contents.checkRoom(removed);
  const changed = [...contents.changed.values()];
  const resources = changed.map(({ resource }) => resource);
  const problems = [
    ...contents.problems,
    ...verdictOf(deps, { kind, changed: resources, removed, complete }),
  ];
  let applied = removed.length;
  for (const name of removed) held.forget(name);
  const problemByName = new Map(
    problems.filter((problem) => problem.kind === kind).map((problem) => [problem.name, problem]),
  );
  for (const { resource, digest } of changed) {
    const problem = problemByName.get(resource.name);
    const { name, version, bytes } = resource;
    if (problem === undefined) {
      held.accept(name, { version, digest, bytes });
      applied++;
    } else held.refuse(name, problem);
  }
  // Those whose bytes were never judged, such as one that is too large.
  for (const problem of contents.problems)
    if (contents.seen.has(problem.name) && !contents.changed.has(problem.name))
      held.refuse(problem.name, problem);
  return { problems, applied };
}

/** A bug of ours must not end the process, nor be taken for an ACK. */
function verdictOf(
  { judge, logger }: JudgeDeps,
  update: Parameters<AdsDeps['judge']>[0],
): readonly ResourceProblem[] {
  try {
    return judge(update);
  } catch (error) {
    logBug(logger, update.kind, error);
    const names = update.changed.map(({ name }) => name);
    return (names.length === 0 ? [''] : names).map((name) => ({
      kind: update.kind,
      name,
      path: '',
      message: internalError,
    }));
  }
}

const internalError = 'internal error of Outrigger; its log has the details';

function logBug(logger: Logger, kind: ResourceKind, error: unknown): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error('internal error: Outrigger refused an update of the control plane; please report this bug', {
    kind,
    stack,
  });
}

interface Changed {
  readonly resource: Resource;
  readonly digest: string;
}

/** The resources of a response by name, with what is wrong with them before anybody reads their meaning. */
class ResponseContents {
  readonly changed = new Map<string, Changed>();
  readonly problems: ResourceProblem[] = [];
  /** Names that the response has, in whatever state. */
  readonly seen = new Set<string>();
  /** Whether a resource was so wrong that not even its name is known. */
  private hasNameless = false;
  private readonly kind: ResourceKind;
  private readonly response: DiscoveryResponse;
  private readonly subscription: Subscription;
  private readonly held: HeldResources;
  private readonly deps: JudgeDeps;

  constructor(
    kind: ResourceKind,
    response: DiscoveryResponse,
    subscription: Subscription,
    held: HeldResources,
    deps: JudgeDeps,
  ) {
    this.kind = kind;
    this.response = response;
    this.subscription = subscription;
    this.held = held;
    this.deps = deps;
    for (const [i, resource] of response.resources.entries()) this.add(resource, i);
  }

  /** Names that are held, and that a complete response does not have. Nothing is gone where a name could not be read. */
  missing(): string[] {
    if (this.hasNameless) return [];
    return [...this.held.names].filter((name) => !this.seen.has(name));
  }

  /** Names that the response says are gone. */
  removed(): string[] {
    return [...new Set(this.response.removed)].filter((name) => this.held.has(name) && !this.seen.has(name));
  }

  /** Refuses the resources with which more would be held than the limits allow. */
  checkRoom(removed: readonly string[]): void {
    let count = this.held.count;
    let bytes = this.deps.heldBytes.total;
    for (const name of removed) {
      const size = this.held.bytesOf(name);
      if (size > 0) count--;
      bytes -= size;
    }
    for (const [name, { resource }] of this.changed) {
      const before = this.held.bytesOf(name);
      const isNew = before === 0 ? 1 : 0;
      const after = bytes - before + resource.bytes;
      if (count + isNew > resourcesMax)
        this.refuse(name, `more than ${resourcesMax} resources of this kind would be held (resourcesMax)`);
      else if (after > heldBytesMax)
        this.refuse(name, `more than ${heldBytesMax} bytes of resources would be held (heldBytesMax)`);
      else {
        count += isNew;
        bytes = after;
        continue;
      }
      this.changed.delete(name);
    }
  }

  private add(resource: WireResource, index: number): void {
    const { bytes } = resource;
    if (bytes === null) {
      if (resource.name !== '') this.seen.add(resource.name);
      return;
    }
    const problem = this.wireProblem(resource, bytes);
    if (problem !== '') return this.refuseWire(resource, index, problem);
    const digest = digestOf(bytes);
    const known = this.held.nameOf(digest);
    if (known !== undefined && (resource.name === '' || resource.name === known))
      return this.addUnchanged(known, resource);
    const { value, error } = this.decoded(resource.typeUrl, bytes);
    if (error !== undefined) return this.refuseWire(resource, index, error);
    const { name, message } = value;
    const misnamed = nameProblem(name, resource.name);
    if (misnamed !== '') return this.refuseWire(resource, index, misnamed);
    if (!includes(this.subscription, name) || this.isDuplicate(name)) return;
    const version = resource.version === '' ? this.response.version : resource.version;
    this.changed.set(name, {
      resource: { kind: this.kind, name, version, message, bytes: bytes.length },
      digest,
    });
  }

  /** Whatever the bytes do to the decoder ends here. */
  private decoded(typeUrl: string, bytes: Buffer): ReturnType<AdsDeps['decode']> {
    try {
      return this.deps.decode(this.kind, typeUrl, bytes);
    } catch (error) {
      logBug(this.deps.logger, this.kind, error);
      return { error: internalError };
    }
  }

  private addUnchanged(name: string, { version }: WireResource): void {
    if (!includes(this.subscription, name) || this.isDuplicate(name)) return;
    this.held.confirm(name, version === '' ? this.response.version : version);
  }

  private wireProblem({ typeUrl }: WireResource, bytes: Buffer): string {
    if (typeUrl !== typeUrls[this.kind])
      return `has the type ${JSON.stringify(typeUrl)} in a response of the type ${JSON.stringify(typeUrls[this.kind])}`;
    return bytes.length > resourceBytesMax
      ? `has ${bytes.length} bytes; at most ${resourceBytesMax} are allowed (resourceBytesMax)`
      : '';
  }

  /** Which of the two is meant nobody can know: neither is applied. */
  private isDuplicate(name: string): boolean {
    if (!this.seen.has(name)) {
      this.seen.add(name);
      return false;
    }
    this.changed.delete(name);
    if (!this.problems.some((problem) => problem.name === name))
      this.refuse(name, 'is in the response more than once; send it once');
    return true;
  }

  private refuseWire({ name }: WireResource, index: number, message: string): void {
    if (name !== '') this.seen.add(name);
    else this.hasNameless = true;
    this.refuse(name === '' ? `resources[${index}]` : name, message);
  }

  private refuse(name: string, message: string): void {
    this.problems.push({ kind: this.kind, name, path: '', message });
  }
}

/** @param outer the name beside the message, '' for none */
function nameProblem(name: string, outer: string): string {
  if (name === '') return 'has no name';
  if (Buffer.byteLength(name) > nameBytesMax)
    return `has a name of more than ${nameBytesMax} bytes (nameBytesMax)`;
  return outer === '' || outer === name
    ? ''
    : `has the name ${JSON.stringify(name)} in its message and ${JSON.stringify(outer)} beside it`;
}
