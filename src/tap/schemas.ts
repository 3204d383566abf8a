import type { Clock } from '../core/clock.ts';
import type { Result } from '../core/result.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { DecoderThread } from './decoder-thread.ts';
import { descriptorsKeptMs, servicesMax } from './limits.ts';
import { reflectService } from './reflection.ts';

interface KnownSchema {
  /** The name under which the thread has it, or why there is none. */
  readonly name: Promise<Result<string>>;
  readonly untilMs: number;
  /** Of the thread that loaded it. */
  readonly generation: number;
}

/** Descriptors that a reader gave. */
export interface GivenSchema {
  /** Returns the name of the descriptors in the thread, or why they are not valid. Never rejects. */
  name(): Promise<Result<string>>;
  /** Nobody needs them any more. */
  drop(): void;
}

/**
 * The descriptors that the thread has: of services by reflection, kept for a minute, with the failures, so that a service is not
 * asked for each of its calls; and those that readers gave. Where a thread took the place of another one, they are loaded again.
 */
export class Schemas {
  private readonly thread: DecoderThread;
  private readonly clock: Clock;
  private readonly known = new Map<string, KnownSchema>();
  private lastNumber = 0;

  constructor(thread: DecoderThread, clock: Clock) {
    this.thread = thread;
    this.clock = clock;
  }

  /** Returns the name of the descriptors of a service in the thread; asks the endpoint where they are not known. Never rejects. */
  reflected(cluster: string, service: string, endpoint: Endpoint): Promise<Result<string>> {
    const key = `${cluster}/${service}`;
    const nowMs = this.clock.now();
    const known = this.known.get(key);
    if (known !== undefined && nowMs < known.untilMs && known.generation === this.thread.generation)
      return known.name;
    const replaced = known === undefined && this.known.size >= servicesMax ? this.oldest() : key;
    const name = this.load(endpoint, service);
    this.forget(replaced, name);
    this.known.set(key, { name, untilMs: nowMs + descriptorsKeptMs, generation: this.thread.generation });
    return name;
  }

  /** Loads a `FileDescriptorSet` of a reader. */
  given(set: Uint8Array): GivenSchema {
    const name = `given ${++this.lastNumber}`;
    const load = async (): Promise<Result<string>> => {
      const error = await this.thread.load(name, set);
      return error === '' ? { value: name } : { error: `the descriptor set is not valid: ${error}` };
    };
    let loaded = load();
    let { generation } = this.thread;
    return {
      name: () => {
        if (generation !== this.thread.generation) {
          loaded = load();
          generation = this.thread.generation;
        }
        return loaded;
      },
      drop: () => this.thread.drop(name),
    };
  }

  clear(): void {
    this.known.clear();
  }

  private async load(endpoint: Endpoint, service: string): Promise<Result<string>> {
    const { thread: reader, clock } = this;
    const name = `reflected ${++this.lastNumber}`;
    const problem = await reflectService({ endpoint, service, name, reader, clock });
    if (problem === '') return { value: name };
    reader.drop(name);
    return { error: problem };
  }

  private oldest(): string {
    return this.known.keys().next().value!;
  }

  /** Drops the descriptors under a key once others are loaded: until then, calls that have their name may still use them. */
  private forget(key: string, next: Promise<unknown>): void {
    const known = this.known.get(key);
    this.known.delete(key);
    void known?.name.then(async ({ value }) => {
      await next;
      if (value !== undefined) this.thread.drop(value);
    });
  }
}
