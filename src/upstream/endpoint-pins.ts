import type { Affinity } from '../balancing/affinity.ts';
import type { Candidate } from '../balancing/candidate.ts';
import { PickReason } from '../balancing/pick-reason.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';

/** Request header that carries a pin. */
export const pinHeader = 'x-outrigger-pin';
/** Pins of one cluster at the same time. */
export const pinsMax = 16;
/** How long a pin may be used, milliseconds. */
export const pinLifetimeMs = 60_000;

/**
 * Calls that an operator sends to one endpoint to examine it. A pin is a random text that is valid for a short time; a call
 * that carries it as a header goes to the endpoint of the pin, usable or not, and through everything else as any call. Takes
 * the place of the affinity of a cluster while there are pins, so that the calls of other clusters pay nothing.
 */
export class EndpointPins implements Affinity {
  private readonly clock: Clock;
  /** What ties the other calls to an endpoint. */
  private readonly others: () => Affinity | null;
  private readonly onEmpty: () => void;
  private readonly pins = new Map<string, { readonly address: string; readonly timer: Timer }>();

  constructor(clock: Clock, others: () => Affinity | null, onEmpty: () => void) {
    this.clock = clock;
    this.others = others;
    this.onEmpty = onEmpty;
  }

  /** Adds a pin, and removes the oldest one where there are `pinsMax`. */
  add(pin: string, address: string): void {
    if (this.pins.size >= pinsMax) this.remove(this.pins.keys().next().value!);
    const timer = this.clock.after(pinLifetimeMs, () => this.remove(pin));
    this.pins.set(pin, { address, timer });
  }

  /** Removes all pins. */
  clear(): void {
    for (const pin of [...this.pins.keys()]) this.remove(pin);
  }

  /** The address of the endpoint that a key pins its call to; undefined for the key of any other call. */
  addressOf(key: string): string | undefined {
    return this.pins.get(key)?.address;
  }

  keyOf(head: HeaderBlock, clientAddress: string): string {
    const pin = head.get(pinHeader);
    if (pin !== undefined && this.pins.has(pin)) return pin;
    return this.others()?.keyOf(head, clientAddress) ?? '';
  }

  bind(reply: HeaderBlock, key: string, endpoint: Candidate): HeaderBlock {
    if (this.pins.has(key)) return reply;
    return this.others()?.bind(reply, key, endpoint) ?? reply;
  }

  private remove(pin: string): void {
    this.pins.get(pin)?.timer.cancel();
    this.pins.delete(pin);
    if (this.pins.size === 0) this.onEmpty();
  }
}

const words = (): string => 'an operator pinned the call to this endpoint (outrigger call --endpoint)';

export function pinReason(endpoint: Candidate): PickReason {
  return new PickReason(words, 0, endpoint, endpoint.weight, 0);
}
