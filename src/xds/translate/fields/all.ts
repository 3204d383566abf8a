import type { MessageFields } from '../message-fields.ts';
import * as cluster from './cluster-fields.ts';
import * as listener from './listener-fields.ts';
import * as route from './route-fields.ts';

/** A part of the reference page: messages of one kind of resource. */
export interface FieldSection {
  readonly title: string;
  readonly messages: readonly MessageFields[];
}

/** How the fields of all messages are treated, in the order of the reference page. */
export const fieldSections: readonly FieldSection[] = [
  { title: 'Listeners and secrets', messages: byName(Object.values(listener)) },
  { title: 'Routes', messages: byName(Object.values(route)) },
  { title: 'Clusters and endpoints', messages: byName(Object.values(cluster)) },
];

function byName(messages: readonly MessageFields[]): MessageFields[] {
  return [...messages].sort((a, b) => (a.message < b.message ? -1 : 1));
}
