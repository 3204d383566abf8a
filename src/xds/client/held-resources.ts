import { hash } from 'node:crypto';
import type { ResourceProblem } from '../resource.ts';
import { resourcesMax } from './limits.ts';

/** A version of a resource that was accepted. Its message is with whoever judged it, not here. */
interface Accepted {
  readonly version: string;
  readonly digest: string;
  readonly bytes: number;
}

/** Bytes of all resources that are held, of all kinds together. */
export interface HeldBytes {
  total: number;
}

/**
 * What is known of the resources of one kind: which version of each was accepted last, and which newer one was refused. A digest
 * stands for the bytes, so that a resource that did not change is neither decoded nor judged again.
 */
export class HeldResources {
  private readonly accepted = new Map<string, Accepted>();
  private readonly refused = new Map<string, ResourceProblem>();
  private readonly nameByDigest = new Map<string, string>();
  private readonly held: HeldBytes;
  bytes = 0;

  constructor(held: HeldBytes) {
    this.held = held;
  }

  get count(): number {
    return this.accepted.size;
  }

  /** Versions of the accepted resources by name: what a client of delta says that it holds. */
  get versions(): ReadonlyMap<string, string> {
    return new Map([...this.accepted].map(([name, { version }]) => [name, version]));
  }

  get problems(): ResourceProblem[] {
    return [...this.refused.values()];
  }

  get names(): Set<string> {
    return new Set([...this.accepted.keys(), ...this.refused.keys()]);
  }

  /** Whether some version was accepted, and none refused since. */
  isCurrent(name: string): boolean {
    return this.accepted.has(name) && !this.refused.has(name);
  }

  has(name: string): boolean {
    return this.accepted.has(name) || this.refused.has(name);
  }

  bytesOf(name: string): number {
    return this.accepted.get(name)?.bytes ?? 0;
  }

  /** The name of the accepted resource that has these bytes. */
  nameOf(digest: string): string | undefined {
    return this.nameByDigest.get(digest);
  }

  /** The bytes are those of the version that was accepted last: a newer one that was refused is gone. */
  confirm(name: string, version: string): void {
    this.refused.delete(name);
    const accepted = this.accepted.get(name);
    if (accepted !== undefined) this.accepted.set(name, { ...accepted, version });
  }

  accept(name: string, resource: Accepted): void {
    this.forget(name);
    this.accepted.set(name, resource);
    this.nameByDigest.set(resource.digest, name);
    this.addBytes(resource.bytes);
  }

  /** Remembers the newest `resourcesMax` problems: with delta, a control plane may send other names all the time. */
  refuse(name: string, problem: ResourceProblem): void {
    this.refused.delete(name);
    if (this.refused.size >= resourcesMax)
      for (const oldest of this.refused.keys()) {
        this.refused.delete(oldest);
        break;
      }
    this.refused.set(name, problem);
  }

  forget(name: string): void {
    this.refused.delete(name);
    const accepted = this.accepted.get(name);
    if (accepted === undefined) return;
    this.accepted.delete(name);
    this.nameByDigest.delete(accepted.digest);
    this.addBytes(-accepted.bytes);
  }

  private addBytes(bytes: number): void {
    this.bytes += bytes;
    this.held.total += bytes;
  }
}

/** Distinguishes the bytes of resources. A control plane cannot make two resources look alike by chance. */
export function digestOf(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url');
}
