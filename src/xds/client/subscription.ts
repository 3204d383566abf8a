import { nameBytesMax, namesMax } from './limits.ts';

/** Which resources of a kind are requested: by name, or all that the control plane has for this node. */
export type Subscription = 'all' | ReadonlySet<string>;

export const noSubscription: Subscription = new Set();

export function includes(subscription: Subscription, name: string): boolean {
  return subscription === 'all' || subscription.has(name);
}

export function isEmpty(subscription: Subscription): boolean {
  return subscription !== 'all' && subscription.size === 0;
}

export function isSame(a: Subscription, b: Subscription): boolean {
  if (a === 'all' || b === 'all') return a === b;
  return a.size === b.size && without(a, b).length === 0;
}

/** The names of `names` that `others` does not have. */
export function without(names: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...names].filter((name) => !others.has(name));
}

/**
 * The part of a subscription that is requested: names come from resources, so that a control plane decides how many there are. A
 * resource with a name that is too long would be refused in any case.
 */
export function boundedSubscription(subscription: Subscription): Subscription {
  if (subscription === 'all') return 'all';
  const names = [...subscription].filter((name) => Buffer.byteLength(name) <= nameBytesMax);
  return new Set(names.slice(0, namesMax));
}
