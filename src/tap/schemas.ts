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

/** The descriptors of services, by reflection. Kept for a minute, with the failures: a service is not asked for each of its calls. */
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
    this.known.delete(key);
    if (this.known.size >= servicesMax) this.forget(this.known.keys().next().value!);
    const name = this.load(endpoint, service);
    this.known.set(key, { name, untilMs: nowMs + descriptorsKeptMs, generation: this.thread.generation });
    return name;
  }

  /** Loads a `FileDescriptorSet` of the reader. Never rejects. */
  async given(set: Uint8Array): Promise<Result<string>> {
    const name = `given ${++this.lastNumber}`;
    const error = await this.thread.load(name, set);
    return error === '' ? { value: name } : { error: `the descriptor set is not valid: ${error}` };
  }

  drop(name: string): void {
    this.thread.drop(name);
  }

  clear(): void {
    this.known.clear();
  }

  private async load(endpoint: Endpoint, service: string): Promise<Result<string>> {
    const { thread: reader, clock } = this;
    const name = `reflected ${++this.lastNumber}`;
    const problem = await reflectService({ endpoint, service, name, reader, clock });
    if (problem === '') return { value: name };
    this.drop(name);
    return { error: problem };
  }

  private forget(key: string): void {
    const known = this.known.get(key);
    this.known.delete(key);
    void known?.name.then(({ value }) => {
      if (value !== undefined) this.drop(value);
    });
  }
}
